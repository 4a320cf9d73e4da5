/** The titles of the tasks on a person's nodes, running or retained; a node's row has only their ids. */
import type { UserId } from "@samovar/base";
import type { NodeWork } from "@samovar/contracts";
import { and, asc, desc, eq, ne, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodes, tasks } from "../database/schema.ts";

const onNode = sql`${tasks.id} IN (
  SELECT value FROM json_each(${nodes.taskIds}) UNION SELECT value FROM json_each(${nodes.retainedTaskIds}))`;

export async function listWork(db: Database, ownerId: UserId): Promise<readonly NodeWork[]> {
  return db
    .select({
      nodeId: nodes.id,
      taskId: tasks.id,
      projectId: tasks.projectId,
      sessionId: tasks.sessionId,
      title: tasks.title,
      status: tasks.status,
      cancelRequested: tasks.cancelRequested,
    })
    .from(nodes)
    .innerJoin(tasks, onNode)
    .where(and(eq(nodes.ownerId, ownerId), ne(nodes.state, "destroyed")))
    .orderBy(desc(nodes.id), asc(tasks.id));
}
