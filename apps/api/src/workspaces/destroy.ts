/** Ends a kept workspace: the node is told, and gives the slot back when it has done so. */
import type { Env } from "../env.ts";
import { nodeObject } from "../nodes/object.ts";
import type { WorkspaceRow } from "./store.ts";
import { setWorkspaceState } from "./store.ts";

/** Repeatable. A workspace whose node is no more is destroyed at once. */
export async function destroyWorkspace(env: Env, row: WorkspaceRow, now: number): Promise<void> {
  const node = nodeObject(env, row.nodeId);
  const facts = await node.facts(row.id);
  const isOver = facts === null || facts.workspace.state === "destroyed" || facts.node.state === "destroyed";
  if (isOver) {
    await node.release(row.id);
    return setWorkspaceState(env, row.id, "destroyed", {}, now);
  }
  if (row.state !== "destroying") await setWorkspaceState(env, row.id, "destroying", {}, now);
  await node.enqueue({ id: `${row.id}:destroy`, kind: "workspace.destroy", args: { workspaceId: row.id } });
}
