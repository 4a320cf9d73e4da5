/** A project's view: its row, how many of its tasks are running or need a person, and when one of them last changed. */
import type { Millis, ProjectId } from "@samovar/base";
import { OPEN_EGRESS, PLAIN_CHECKOUT } from "@samovar/contracts";
import type { ProjectCounts, ProjectView } from "@samovar/contracts";
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { projects, taskQueue, tasks } from "../database/schema.ts";
import type { ProjectRow } from "./store.ts";

export async function viewProject(db: Database, row: ProjectRow): Promise<ProjectView> {
  const [view] = await viewProjects(db, [row]);
  if (view === undefined) throw new Error("a project without a view");
  return view;
}

export async function viewProjects(db: Database, rows: readonly ProjectRow[]): Promise<ProjectView[]> {
  if (rows.length === 0) return [];
  const ids = JSON.stringify(rows.map((row) => row.id));
  const [counts, activity] = await Promise.all([countTasks(db, ids), findLastActivity(db, ids)]);
  return rows.map(({ ownerId: _owner, checkout, egress, repositorySettings, ...rest }) => ({
    ...rest,
    checkout: checkout ?? PLAIN_CHECKOUT,
    egress: egress ?? OPEN_EGRESS,
    repositorySettings: repositorySettings ?? "ignored",
    counts: counts.get(rest.id) ?? NONE,
    lastActivityAt: activity.get(rest.id) ?? null,
  }));
}

const NONE: ProjectCounts = { running: 0, attention: 0 };

/** A task that was retried is one task in its newest state: an attempt that failed before counts no more. */
async function countTasks(db: Database, ids: string): Promise<ReadonlyMap<ProjectId, ProjectCounts>> {
  const needsAttention = sql`((${tasks.status} = 'failed' AND NOT ${tasks.acknowledged}) OR COALESCE(${taskQueue.code}, '') = 'dependency_failed')`;
  const rows = await db
    .select({
      projectId: tasks.projectId,
      running: sql<number>`sum(${tasks.status} <> 'failed' AND NOT ${needsAttention})`,
      attention: sql<number>`sum(${needsAttention})`,
    })
    .from(tasks)
    .leftJoin(taskQueue, eq(taskQueue.taskId, tasks.id))
    .where(
      and(
        sql`${tasks.projectId} IN (SELECT value FROM json_each(${ids}))`,
        inArray(tasks.status, ["queued", "delegated", "in_progress", "failed"]),
      ),
    )
    .groupBy(tasks.projectId);
  return new Map(rows.map(({ projectId, ...counts }) => [projectId, counts]));
}

/** Reads one entry of the index a project, however many tasks it has. */
async function findLastActivity(db: Database, ids: string): Promise<ReadonlyMap<ProjectId, Millis | null>> {
  const rows = await db
    .select({
      id: projects.id,
      at: sql<Millis | null>`(SELECT max(updated_at) FROM tasks WHERE project_id = projects.id)`,
    })
    .from(projects)
    .where(sql`${projects.id} IN (SELECT value FROM json_each(${ids}))`);
  return new Map(rows.map(({ id, at }) => [id, at]));
}
