/** A look into a workspace through its node, for its owner. */
import { SamovarError } from "@samovar/contracts";
import type { ErrorCode, Failure, WorkspaceDiff } from "@samovar/contracts";
import type { Env } from "../env.ts";
import { nodeObject } from "../nodes/durable-object/stub.ts";
import type { WorkspaceRow } from "./store.ts";

/** Throws `conflict` when there is nothing to look at, `unavailable` when its machine cannot tell now. */
export async function lookIntoWorkspace(env: Env, row: WorkspaceRow): Promise<WorkspaceDiff> {
  if (row.state === "destroyed" || row.state === "failed")
    throw new SamovarError("conflict", "This workspace is no more; its session is kept.", { state: row.state });
  const reply = await nodeObject(env, row.nodeId).call({ kind: "workspace.diff", workspaceId: row.id });
  if (reply.kind === "failed") throw refusal(reply.failure);
  return reply.diff;
}

function refusal({ code, message }: Failure): SamovarError {
  return new SamovarError(CODES[code] ?? "unavailable", message, { reason: code });
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  workspace_not_found: "conflict",
  workspace_not_ready: "conflict",
  diff_failed: "conflict",
};
