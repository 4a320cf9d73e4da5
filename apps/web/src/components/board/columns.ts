/** Which columns a board has, and in which order the cards stand in them. Pure. */
import { TASK_STATUSES, type TaskStatus, type TaskView } from "@samovar/contracts";

export interface Column {
  readonly status: TaskStatus;
  readonly tasks: readonly TaskView[];
}

/** Shown only while they hold cards: a task passes through them. */
const TRANSIENT: ReadonlySet<TaskStatus> = new Set(["queued", "delegated"]);

export function columnsOf(tasks: readonly TaskView[]): readonly Column[] {
  return TASK_STATUSES.map((status) => ({
    status,
    tasks: tasks.filter((task) => task.status === status).toSorted(byRank),
  })).filter((column) => column.tasks.length > 0 || !TRANSIENT.has(column.status));
}

/** Urgent first, those without a priority last; then the older. */
export function byRank(a: TaskView, b: TaskView): number {
  return rankOf(a) - rankOf(b) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

const rankOf = ({ priority }: TaskView): number => (priority === 0 ? 5 : priority);
