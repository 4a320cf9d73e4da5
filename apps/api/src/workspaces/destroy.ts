/** Destroys a retained workspace on request or after its retention period: adds a notice to its session, then sends its node the command; the node gives the slot back. */
import type { Deps } from "../deps.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { addRemovalNotice } from "../sessions/removal-notice.ts";
import { beginRemoval, setWorkspaceState } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

/** Repeatable; resumes a removal that was started. A workspace whose retention was extended meanwhile does not expire. */
export async function destroyWorkspace(deps: Deps, found: WorkspaceRow, cause: "requested" | "expired"): Promise<void> {
  const { env, db, clock, logger } = deps;
  const row = found.state === "destroying" ? found : await beginRemoval(db, found.id, cause, clock.now());
  if (row === null) return;
  await addRemovalNotice(env, row, getCause(row));
  const node = getNodeObject(env, row.nodeId);
  const facts = await node.observe(row.id);
  const isOver = facts === null || facts.workspace.state === "destroyed" || facts.node.state === "destroyed";
  logger.info("workspace.removing", { workspaceId: row.id, cause, isOver });
  if (!isOver)
    return node.enqueue({ id: `${row.id}:destroy`, kind: "workspace.destroy", args: { workspaceId: row.id } });
  await node.release(row.id);
  await setWorkspaceState(env, row.id, "destroyed", {}, clock.now());
}

/** For a workspace whose node has not reported its removal in time: gives the slot back without waiting any longer. */
export async function abandonWorkspace({ env, clock }: Deps, row: WorkspaceRow): Promise<void> {
  await addRemovalNotice(env, row, getCause(row));
  await getNodeObject(env, row.nodeId).release(row.id);
  await setWorkspaceState(env, row.id, "destroyed", {}, clock.now());
}

/** The cause at the start of the removal, so that whoever resumes it adds the same notice. */
function getCause({ retainedUntil, updatedAt }: WorkspaceRow): "requested" | "expired" {
  return retainedUntil !== null && retainedUntil <= updatedAt ? "expired" : "requested";
}
