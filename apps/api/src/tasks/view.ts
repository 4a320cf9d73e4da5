/** Tasks as people see them: the row, why a queued task waits, and what was spent on its models. */
import type { TaskSpending, TaskView } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { getTaskSpending } from "../budgets/task-spending.ts";
import type { Deps } from "../deps.ts";
import { explainWaiting } from "./queue.ts";

type ViewDeps = Pick<Deps, "db" | "config" | "clock">;

export async function viewTask(deps: ViewDeps, task: TaskRecord): Promise<TaskView> {
  const [waiting, spending] = await Promise.all([explainWaiting(deps, [task]), getTaskSpending(deps.db, [task.id])]);
  return toTaskView(task, waiting.get(task.id) ?? null, spending.get(task.id) ?? null);
}

/** All tasks must have the same owner. */
export async function viewTasks(deps: ViewDeps, tasks: readonly TaskRecord[]): Promise<TaskView[]> {
  const ids = tasks.map((task) => task.id);
  const [waiting, spending] = await Promise.all([explainWaiting(deps, tasks), getTaskSpending(deps.db, ids)]);
  return tasks.map((task) => toTaskView(task, waiting.get(task.id) ?? null, spending.get(task.id) ?? null));
}

const toTaskView = (
  { promptMessageId: _prompt, ...view }: TaskRecord,
  waiting: TaskView["waiting"],
  spending: TaskSpending | null,
): TaskView => ({ ...view, waiting, spending });
