/** Reads a workspace's diff through its node, for its owner. */
import { SamovarError } from "@samovar/contracts";
import type { ErrorCode, Failure, WorkspaceDiff } from "@samovar/contracts";
import type { Env } from "../env.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import type { WorkspaceRow } from "./store.ts";

/** Throws `conflict` if the workspace is gone or not ready, `unavailable` if its node cannot answer now. */
export async function readWorkspaceDiff(env: Env, row: WorkspaceRow): Promise<WorkspaceDiff> {
  if (row.state === "destroyed" || row.state === "failed")
    throw new SamovarError("conflict", "This workspace no longer exists. Its session is still available.", {
      state: row.state,
    });
  const reply = await getNodeObject(env, row.nodeId).call({ kind: "workspace.diff", workspaceId: row.id });
  if (reply.kind === "failed") throw toError(reply.failure);
  return reply.diff;
}

function toError({ code, message }: Failure): SamovarError {
  return new SamovarError(CODES[code] ?? "unavailable", message, { reason: code });
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  workspace_not_found: "conflict",
  workspace_not_ready: "conflict",
  diff_failed: "conflict",
};
