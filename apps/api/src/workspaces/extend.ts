/** More time for a kept workspace: never less than it has, and no more than its machine lives. */
import { SamovarError } from "@samovar/contracts";
import type { Deps } from "../deps.ts";
import { findNode } from "../nodes/store.ts";
import { extendKept } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

/** Answers the row as it is then. Throws `conflict` when the workspace is not kept (any more). */
export async function extendWorkspace(
  { db, clock, config, logger }: Deps,
  row: WorkspaceRow,
  keepForMs: number,
): Promise<WorkspaceRow> {
  const now = clock.now();
  const node = await findNode(db, row.nodeId);
  const machineEnds = (node?.createdAt ?? now) + config.NODE_MAX_LIFETIME_MS;
  const extended = await extendKept(db, row.id, Math.min(now + keepForMs, machineEnds), now);
  if (extended === null)
    throw new SamovarError("conflict", "Only a workspace that is kept can be given more time.", { state: row.state });
  logger.info("workspace.extended", { workspaceId: row.id, retainedUntil: extended.retainedUntil });
  return extended;
}
