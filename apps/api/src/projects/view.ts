/** Projects as people see them: the row, and how many of its tasks run or need somebody. */
import type { ProjectId } from "@samovar/base";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import type { ProjectCounts, ProjectView } from "@samovar/contracts";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { taskQueue, tasks } from "../database/schema.ts";
import type { ProjectRow } from "./store.ts";

export async function viewProject(db: Database, row: ProjectRow): Promise<ProjectView> {
  const counts = await countTasks(db, [row.id]);
  return shown(row, counts.get(row.id) ?? NONE);
}

export async function viewProjects(db: Database, rows: readonly ProjectRow[]): Promise<ProjectView[]> {
  const counts = await countTasks(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => shown(row, counts.get(row.id) ?? NONE));
}

const NONE: ProjectCounts = { running: 0, attention: 0 };

const shown = ({ ownerId: _owner, checkout, ...rest }: ProjectRow, counts: ProjectCounts): ProjectView => ({
  ...rest,
  checkout: checkout ?? PLAIN_CHECKOUT,
  counts,
});

/** A task that was retried is one task in its newest state: an attempt that failed before counts no more. */
async function countTasks(db: Database, ids: readonly ProjectId[]): Promise<ReadonlyMap<ProjectId, ProjectCounts>> {
  if (ids.length === 0) return new Map();
  const needsSomebody = sql`(${tasks.status} = 'failed' OR COALESCE(${taskQueue.code}, '') = 'dependency_failed')`;
  const rows = await db
    .select({
      projectId: tasks.projectId,
      running: sql<number>`sum(NOT ${needsSomebody})`,
      attention: sql<number>`sum(${needsSomebody})`,
    })
    .from(tasks)
    .leftJoin(taskQueue, eq(taskQueue.taskId, tasks.id))
    .where(
      and(
        sql`${tasks.projectId} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`,
        inArray(tasks.status, ["queued", "delegated", "in_progress", "failed"]),
      ),
    )
    .groupBy(tasks.projectId);
  return new Map(rows.map(({ projectId, ...counts }) => [projectId, counts]));
}
