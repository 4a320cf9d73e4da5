/** Ends a kept workspace, for a person or because its time is up: its session is told, then its node, which gives the slot back. */
import type { Deps } from "../deps.ts";
import { nodeObject } from "../nodes/durable-object/stub.ts";
import { tellRemoval } from "../sessions/removal-notice.ts";
import { beginRemoval, setWorkspaceState } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

/** Repeatable, and goes on with what was begun. A workspace that was given more time meanwhile does not expire: it stays. */
export async function destroyWorkspace(deps: Deps, found: WorkspaceRow, cause: "asked" | "expired"): Promise<void> {
  const { env, db, clock, logger } = deps;
  const row = found.state === "destroying" ? found : await beginRemoval(db, found.id, cause, clock.now());
  if (row === null) return;
  await tellRemoval(env, row, causeOf(row));
  const node = nodeObject(env, row.nodeId);
  const facts = await node.facts(row.id);
  const isOver = facts === null || facts.workspace.state === "destroyed" || facts.node.state === "destroyed";
  logger.info("workspace.removing", { workspaceId: row.id, cause, isOver });
  if (!isOver)
    return node.enqueue({ id: `${row.id}:destroy`, kind: "workspace.destroy", args: { workspaceId: row.id } });
  await node.release(row.id);
  await setWorkspaceState(env, row.id, "destroyed", {}, clock.now());
}

/** For one whose node has not said in time that it is gone: the slot must not wait for it for ever. */
export async function giveUpWorkspace({ env, clock }: Deps, row: WorkspaceRow): Promise<void> {
  await tellRemoval(env, row, causeOf(row));
  await nodeObject(env, row.nodeId).release(row.id);
  await setWorkspaceState(env, row.id, "destroyed", {}, clock.now());
}

/** As it was when the removal began: whoever goes on with it says the same. */
function causeOf({ retainedUntil, updatedAt }: WorkspaceRow): "asked" | "expired" {
  return retainedUntil !== null && retainedUntil <= updatedAt ? "expired" : "asked";
}
