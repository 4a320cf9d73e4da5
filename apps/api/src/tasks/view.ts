/** Tasks as people see them: the row, and why a queued one waits. */
import type { TaskView } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import { waitingOf } from "./queue.ts";

type ViewDeps = Pick<Deps, "db" | "config" | "clock">;

export async function viewTask(deps: ViewDeps, task: TaskRecord): Promise<TaskView> {
  const waiting = await waitingOf(deps, [task]);
  return shown(task, waiting.get(task.id) ?? null);
}

/** All are one owner's. */
export async function viewTasks(deps: ViewDeps, tasks: readonly TaskRecord[]): Promise<TaskView[]> {
  const waiting = await waitingOf(deps, tasks);
  return tasks.map((task) => shown(task, waiting.get(task.id) ?? null));
}

const shown = ({ promptMessageId: _prompt, ...view }: TaskRecord, waiting: TaskView["waiting"]): TaskView => ({
  ...view,
  waiting,
});
