/** Tasks as people see them: the row, and why a queued task waits. */
import type { TaskView } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { explainWaiting } from "./queue.ts";

type ViewDeps = Pick<Deps, "db" | "config" | "clock">;

export async function viewTask(deps: ViewDeps, task: TaskRecord): Promise<TaskView> {
  const waiting = await explainWaiting(deps, [task]);
  return toTaskView(task, waiting.get(task.id) ?? null);
}

/** All tasks must have the same owner. */
export async function viewTasks(deps: ViewDeps, tasks: readonly TaskRecord[]): Promise<TaskView[]> {
  const waiting = await explainWaiting(deps, tasks);
  return tasks.map((task) => toTaskView(task, waiting.get(task.id) ?? null));
}

const toTaskView = ({ promptMessageId: _prompt, ...view }: TaskRecord, waiting: TaskView["waiting"]): TaskView => ({
  ...view,
  waiting,
});
