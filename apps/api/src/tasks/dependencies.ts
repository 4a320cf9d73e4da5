/**
 * The dependencies of tasks. Cycles are rejected twice: when an edit is read, with an error that names the cycle, and again
 * by the statement that writes it, so that two concurrent edits cannot close a cycle between them.
 */
import type { ProjectId, TaskId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { TaskStatus } from "@samovar/contracts";
import { findCycle } from "@samovar/domain/task-queue";
import type { Dependency } from "@samovar/domain/task-queue";
import { and, eq, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { tasks } from "../database/schema.ts";

/** The current statuses of these tasks, in the given order. */
export async function getDependencies(db: Database, ids: readonly TaskId[]): Promise<readonly Dependency[]> {
  if (ids.length === 0) return [];
  const found = await db.select({ id: tasks.id, status: tasks.status }).from(tasks).where(isOneOf(ids));
  const known = new Map<TaskId, TaskStatus>(found.map(({ id, status }) => [id, status]));
  return ids.map((taskId) => ({ taskId, status: known.get(taskId) ?? null }));
}

/** Throws `invalid_request` if a task may not depend on these: unknown, in another project, or a cycle. `taskId` null: a new task. */
export async function assertDependencies(
  db: Database,
  projectId: ProjectId,
  taskId: TaskId | null,
  dependsOn: readonly TaskId[],
): Promise<void> {
  if (dependsOn.length === 0) return;
  const found = await db
    .select({ id: tasks.id })
    .from(tasks)
    .where(and(eq(tasks.projectId, projectId), isOneOf(dependsOn)));
  const missing = dependsOn.filter((id) => found.every((row) => row.id !== id));
  if (missing.length > 0) {
    throw new SamovarError("invalid_request", `This project has no task ${missing.join(", ")} to depend on.`, {
      taskIds: missing,
    });
  }
  if (taskId === null) return;
  const reach = await listReachable(db, dependsOn);
  const edges = new Map(reach.map(({ id, dependsOn: edge }) => [id, edge]));
  const cycle = findCycle(taskId, dependsOn, edges);
  if (cycle === null) return;
  const titles = new Map(reach.map(({ id, title }) => [id, `“${title}” (${id})`]));
  const path = cycle.map((id) => titles.get(id) ?? id).join(" → ");
  throw new SamovarError(
    "invalid_request",
    `Dependency cycles are rejected: ${path}. Remove one of these dependencies.`,
    {
      taskIds: cycle,
    },
  );
}

/** A condition for the statement that writes `dependsOn`: all of them exist and none leads back to the task. */
export function guardDependencies(projectId: ProjectId, taskId: TaskId, dependsOn: readonly TaskId[]): SQL {
  const list = JSON.stringify(dependsOn);
  return sql`(SELECT count(*) FROM tasks WHERE project_id = ${projectId}
      AND id IN (SELECT value FROM json_each(${list}))) = ${new Set(dependsOn).size}
    AND ${taskId} NOT IN (${reachable(list)})`;
}

/** Titles of the tasks that depend on this one. */
export async function listDependents(db: Database, projectId: ProjectId, taskId: TaskId): Promise<readonly string[]> {
  const rows = await db
    .select({ title: tasks.title })
    .from(tasks)
    .where(and(eq(tasks.projectId, projectId), dependsOnTask(taskId)))
    .limit(10);
  return rows.map((row) => row.title);
}

/** A condition: the row of `tasks` depends on this task. */
const dependsOnTask = (taskId: TaskId): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${tasks.dependsOn}) WHERE value = ${taskId})`;

/** A condition: no task of the project depends on this one. */
export const hasNoDependents = (projectId: ProjectId, taskId: TaskId): SQL =>
  sql`NOT EXISTS (SELECT 1 FROM tasks AS other, json_each(other.depends_on) AS edge
    WHERE other.project_id = ${projectId} AND edge.value = ${taskId})`;

/** All tasks reachable from these, including themselves. */
const reachable = (list: string): SQL => sql`
  WITH RECURSIVE reach (id) AS (
    SELECT value FROM json_each(${list})
    UNION
    SELECT edge.value FROM reach JOIN tasks AS next ON next.id = reach.id, json_each(next.depends_on) AS edge)
  SELECT id FROM reach`;

async function listReachable(db: Database, dependsOn: readonly TaskId[]) {
  const rows = await db
    .select({ id: tasks.id, title: tasks.title, dependsOn: tasks.dependsOn })
    .from(tasks)
    .where(sql`${tasks.id} IN (${reachable(JSON.stringify(dependsOn))})`);
  return rows.map((row) => ({ ...row, dependsOn: row.dependsOn ?? [] }));
}

const isOneOf = (ids: readonly TaskId[]): SQL =>
  sql`${tasks.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
