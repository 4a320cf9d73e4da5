/**
 * What spending means for tasks: it is published live, a reached limit of the day wakes the runs that it ends, and a raised
 * one wakes those that wait for it. A signal only makes a run read the facts again.
 */
import { errorMessage } from "@samovar/base";
import type { RunId, TaskId, UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import { formatBudgetRefusal } from "@samovar/domain/budget";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, eq, inArray, isNotNull } from "drizzle-orm";
import { findReachedDayLimit } from "../budgets/limits.ts";
import type { BudgetScope } from "../budgets/limits.ts";
import { findReachedTaskLimit } from "../budgets/task-spending.ts";
import { projects, taskQueue, tasks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { signalRun } from "./launch.ts";
import { publishTask } from "./publish.ts";
import { findTask } from "./store.ts";

type SpendingDeps = Pick<Deps, "env" | "config" | "db" | "clock" | "logger">;

/** Call it when a task has spent something. */
export async function onSpent(
  deps: SpendingDeps,
  { taskId, ...scope }: BudgetScope & { readonly taskId: TaskId },
): Promise<void> {
  const task = await findTask(deps.db, taskId);
  if (task !== null) await publishTask(deps, task, []);
  await wakeRunsOverBudget(deps, scope);
}

/** Wakes the runs that a reached limit of the day has to end. */
async function wakeRunsOverBudget(deps: SpendingDeps, scope: BudgetScope): Promise<void> {
  const reached = await findReachedDayLimit(deps.db, scope, deps.clock.now());
  if (reached === null) return;
  const whose =
    reached.scope === "project_day" ? eq(projects.id, scope.projectId) : eq(projects.ownerId, scope.ownerId);
  const running = await deps.db
    .select({ runId: tasks.runId })
    .from(tasks)
    .innerJoin(projects, eq(projects.id, tasks.projectId))
    .where(and(whose, inArray(tasks.status, ["delegated", "in_progress"]), isNotNull(tasks.runId)));
  await signalAll(
    deps,
    running.map(({ runId }) => runId),
  );
}

/** Wakes the runs that wait for their day's limit: it was changed. Never throws. */
export async function wakeBudgetWaits(deps: SpendingDeps, ownerId: UserId): Promise<void> {
  try {
    const [waiting, owned] = await Promise.all([
      deps.db
        .select({ runId: taskQueue.runId })
        .from(taskQueue)
        .where(and(eq(taskQueue.ownerId, ownerId), eq(taskQueue.code, "budget"))),
      deps.db.select({ id: projects.id }).from(projects).where(eq(projects.ownerId, ownerId)),
    ]);
    await signalAll(
      deps,
      waiting.map(({ runId }) => runId),
    );
    // A lowered limit may end runs.
    for (const { id: projectId } of owned) await wakeRunsOverBudget(deps, { ownerId, projectId });
  } catch (error) {
    deps.logger.warn("budget.wake_failed", { error: errorMessage(error) });
  }
}

async function signalAll(deps: SpendingDeps, runs: readonly (RunId | null)[]): Promise<void> {
  await Promise.all(runs.map((runId) => (runId === null ? null : signalRun(deps, runId))));
}

/** Throws `conflict` if nothing of the task's own limit is left. */
export async function assertBudgetLeft({ db }: Pick<Deps, "db">, { id }: Pick<TaskRecord, "id">): Promise<void> {
  const reached = await findReachedTaskLimit(db, id);
  if (reached !== null) throw new SamovarError("conflict", formatBudgetRefusal(reached), { scope: reached.scope });
}
