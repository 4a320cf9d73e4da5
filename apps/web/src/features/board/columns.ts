/** Which columns a board has, which cards stand in them, and in which order. Pure. */
import { isTerminal } from "@samovar/domain/task-status";
import { TASK_STATUSES, type TaskStatus, type TaskView } from "@samovar/contracts";
import type { BoardSearch } from "./board-search.ts";

export interface Column {
  readonly status: TaskStatus;
  readonly tasks: readonly TaskView[];
}

/** Shown only while they hold cards: a task passes through them. */
const TRANSIENT: ReadonlySet<TaskStatus> = new Set(["queued", "delegated"]);

const WORDS: Readonly<Record<TaskStatus, string>> = {
  draft: "Draft",
  ready: "Ready",
  queued: "Queued",
  delegated: "Starting",
  in_progress: "In progress",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const labelColumn = (status: TaskStatus): string => WORDS[status];

export function toColumns(tasks: readonly TaskView[]): readonly Column[] {
  return TASK_STATUSES.map((status) => ({
    status,
    tasks: tasks.filter((task) => task.status === status).toSorted(isTerminal(status) ? byEnd : byRank),
  })).filter((column) => column.tasks.length > 0 || !TRANSIENT.has(column.status));
}

/** Urgent first, those without a priority last; then the older. */
function byRank(a: TaskView, b: TaskView): number {
  return getRank(a) - getRank(b) || a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

const getRank = ({ priority }: TaskView): number => (priority === 0 ? 5 : priority);

/** What ended last comes first: the column is a record, not a line. */
function byEnd(a: TaskView, b: TaskView): number {
  return (b.endedAt ?? b.updatedAt) - (a.endedAt ?? a.updatedAt) || (a.id < b.id ? 1 : -1);
}

/** Those that hold every word of the filter in title or text, and have the priority. */
export function filterTasks(tasks: readonly TaskView[], { filter, priority }: BoardSearch): readonly TaskView[] {
  const words = (filter ?? "")
    .toLocaleLowerCase("en")
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0 && priority === undefined) return tasks;
  return tasks.filter((task) => {
    if (priority !== undefined && task.priority !== priority) return false;
    const text = `${task.title}\n${task.description}`.toLocaleLowerCase("en");
    return words.every((word) => text.includes(word));
  });
}

export const isFiltered = ({ filter, priority }: BoardSearch): boolean =>
  filter !== undefined || priority !== undefined;

/** Where a card stands: its column's word and the place in it, from one. Null: it is not shown. */
export function findPlace(
  columns: readonly Column[],
  id: string,
): { readonly word: string; readonly at: string } | null {
  for (const { status, tasks } of columns) {
    const index = tasks.findIndex((task) => task.id === id);
    if (index >= 0) return { word: labelColumn(status), at: `${index + 1} of ${tasks.length}` };
  }
  return null;
}
