/**
 * What tasks depend on. No circle can come to be: each edit is judged when it is read, to say why it is refused, and
 * once more by the very statement that writes it, so two edits at once cannot close one between them.
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

/** These tasks as they are now, in the order given. */
export async function dependenciesOf(db: Database, ids: readonly TaskId[]): Promise<readonly Dependency[]> {
  if (ids.length === 0) return [];
  const found = await db.select({ id: tasks.id, status: tasks.status }).from(tasks).where(isOneOf(ids));
  const known = new Map<TaskId, TaskStatus>(found.map(({ id, status }) => [id, status]));
  return ids.map((taskId) => ({ taskId, status: known.get(taskId) ?? null }));
}

/** Throws `invalid_request` when a task may not depend on these: unknown, of another project, itself, or in a circle. `taskId` null: a task that is being made. */
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
  const reach = await reachOf(db, dependsOn);
  const edges = new Map(reach.map(({ id, dependsOn: edge }) => [id, edge]));
  const circle = findCycle(taskId, dependsOn, edges);
  if (circle === null) return;
  const titles = new Map(reach.map(({ id, title }) => [id, `“${title}” (${id})`]));
  const way = circle.map((id) => titles.get(id) ?? id).join(" → ");
  throw new SamovarError("invalid_request", `A task can not wait for itself: ${way}. Leave one of them out.`, {
    taskIds: circle,
  });
}

/** For the statement that writes `dependsOn`: true while they are all there and none leads back to the task. */
export function guardDependencies(projectId: ProjectId, taskId: TaskId, dependsOn: readonly TaskId[]): SQL {
  const list = JSON.stringify(dependsOn);
  return sql`(SELECT count(*) FROM tasks WHERE project_id = ${projectId}
      AND id IN (SELECT value FROM json_each(${list}))) = ${new Set(dependsOn).size}
    AND ${taskId} NOT IN (${reachable(list)})`;
}

/** Titles of the tasks that depend on this one. */
export async function dependentsOf(db: Database, projectId: ProjectId, taskId: TaskId): Promise<readonly string[]> {
  const rows = await db
    .select({ title: tasks.title })
    .from(tasks)
    .where(and(eq(tasks.projectId, projectId), dependsOnIt(taskId)))
    .limit(10);
  return rows.map((row) => row.title);
}

/** True for rows of `tasks` that depend on this one. */
const dependsOnIt = (taskId: TaskId): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${tasks.dependsOn}) WHERE value = ${taskId})`;

/** True while no task of the project depends on this one. */
export const isFree = (projectId: ProjectId, taskId: TaskId): SQL =>
  sql`NOT EXISTS (SELECT 1 FROM tasks AS other, json_each(other.depends_on) AS edge
    WHERE other.project_id = ${projectId} AND edge.value = ${taskId})`;

/** Every task that these lead to, themselves among them. */
const reachable = (list: string): SQL => sql`
  WITH RECURSIVE reach (id) AS (
    SELECT value FROM json_each(${list})
    UNION
    SELECT edge.value FROM reach JOIN tasks AS next ON next.id = reach.id, json_each(next.depends_on) AS edge)
  SELECT id FROM reach`;

async function reachOf(db: Database, dependsOn: readonly TaskId[]) {
  const rows = await db
    .select({ id: tasks.id, title: tasks.title, dependsOn: tasks.dependsOn })
    .from(tasks)
    .where(sql`${tasks.id} IN (${reachable(JSON.stringify(dependsOn))})`);
  return rows.map((row) => ({ ...row, dependsOn: row.dependsOn ?? [] }));
}

const isOneOf = (ids: readonly TaskId[]): SQL =>
  sql`${tasks.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`;
