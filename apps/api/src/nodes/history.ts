/** The changes of nodes, stored for a while, so that the pool's history includes destroyed nodes. */
import type { Millis, UserId } from "@samovar/base";
import { NODE_HISTORY_MS } from "@samovar/contracts";
import type { NodeView } from "@samovar/contracts";
import type { NodeChange } from "@samovar/domain/pool-history";
import { asc, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodeHistory } from "../database/schema.ts";

/** Records a change of state or number of tasks. Must precede the update of the row, in one transaction with it. */
export function recordChange(db: Database, { id, version, state, taskIds }: NodeView, now: Millis) {
  return db
    .insert(nodeHistory)
    .select(
      sql`SELECT id, ${version}, owner_id, ${now}, ${state}, ${taskIds.length} FROM nodes
          WHERE id = ${id} AND version < ${version}
            AND (version = 0 OR state <> ${state} OR json_array_length(task_ids) <> ${taskIds.length})`,
    )
    .onConflictDoNothing();
}

/** Changes since `from`, and each node's state at `from`. */
export async function listChanges(db: Database, ownerId: UserId, from: Millis): Promise<readonly NodeChange[]> {
  return db
    .select({ nodeId: nodeHistory.nodeId, at: nodeHistory.at, state: nodeHistory.state, tasks: nodeHistory.tasks })
    .from(nodeHistory)
    .where(sql`${nodeHistory.ownerId} = ${ownerId} AND NOT ${isOver(from)}`)
    .orderBy(asc(nodeHistory.nodeId), asc(nodeHistory.version));
}

/** Deletes changes that ended too long ago and returns how many. A node's current state is never deleted. */
export async function deleteOldChanges(db: Database, now: Millis): Promise<number> {
  const deleted = await db
    .delete(nodeHistory)
    .where(isOver(now - NODE_HISTORY_MS))
    .returning({ nodeId: nodeHistory.nodeId });
  return deleted.length;
}

/** A condition: the state that began with the change had ended by then. */
const isOver = (by: Millis): SQL => sql`(${nodeHistory.at} < ${by} AND (${nodeHistory.state} = 'destroyed' OR EXISTS (
  SELECT 1 FROM node_history later
  WHERE later.node_id = node_history.node_id AND later.version > node_history.version AND later.at <= ${by})))`;
