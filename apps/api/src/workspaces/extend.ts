/** Extends the retention of a workspace: never shortens it, and never beyond its node's maximum lifetime. */
import { SamovarError } from "@samovar/contracts";
import type { Deps } from "../deps.ts";
import { findNode } from "../nodes/store.ts";
import { extendRetention } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

/** Returns the updated row. Throws `conflict` if the workspace is not retained. */
export async function extendWorkspace(
  { db, clock, config, logger }: Deps,
  row: WorkspaceRow,
  keepForMs: number,
): Promise<WorkspaceRow> {
  const now = clock.now();
  const node = await findNode(db, row.nodeId);
  const nodeEndsAt = (node?.createdAt ?? now) + config.NODE_MAX_LIFETIME_MS;
  const extended = await extendRetention(db, row.id, Math.min(now + keepForMs, nodeEndsAt), now);
  if (extended === null)
    throw new SamovarError("conflict", "Only a retained workspace can be extended.", { state: row.state });
  logger.info("workspace.extended", { workspaceId: row.id, retainedUntil: extended.retainedUntil });
  return extended;
}
