/** The changes of nodes, kept for a while: what the pool did can be shown after its machines are gone. */
import type { Millis, UserId } from "@samovar/base";
import { NODE_HISTORY_MS } from "@samovar/contracts";
import type { NodeView } from "@samovar/contracts";
import type { NodeChange } from "@samovar/domain/pool-history";
import { asc, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodeHistory } from "../database/schema.ts";

/** To go before the row's own update, in one transaction with it: a change of state or of tasks, or nothing. */
export function rememberChange(db: Database, { id, version, state, taskIds }: NodeView, now: Millis) {
  return db
    .insert(nodeHistory)
    .select(
      sql`SELECT id, ${version}, owner_id, ${now}, ${state}, ${taskIds.length} FROM nodes
          WHERE id = ${id} AND version < ${version}
            AND (version = 0 OR state <> ${state} OR json_array_length(task_ids) <> ${taskIds.length})`,
    )
    .onConflictDoNothing();
}

/** Changes since `from`, and of each node the one that was in force then. */
export async function listChanges(db: Database, ownerId: UserId, from: Millis): Promise<readonly NodeChange[]> {
  return db
    .select({ nodeId: nodeHistory.nodeId, at: nodeHistory.at, state: nodeHistory.state, tasks: nodeHistory.tasks })
    .from(nodeHistory)
    .where(sql`${nodeHistory.ownerId} = ${ownerId} AND NOT ${isOver(from)}`)
    .orderBy(asc(nodeHistory.nodeId), asc(nodeHistory.version));
}

/** Answers how many were forgotten. What is still so is never forgotten, however long ago it began. */
export async function forgetOldChanges(db: Database, now: Millis): Promise<number> {
  const gone = await db
    .delete(nodeHistory)
    .where(isOver(now - NODE_HISTORY_MS))
    .returning({ nodeId: nodeHistory.nodeId });
  return gone.length;
}

/** Whether what a change began had come to its end by then. */
const isOver = (by: Millis): SQL => sql`(${nodeHistory.at} < ${by} AND (${nodeHistory.state} = 'destroyed' OR EXISTS (
  SELECT 1 FROM node_history later
  WHERE later.node_id = node_history.node_id AND later.version > node_history.version AND later.at <= ${by})))`;
