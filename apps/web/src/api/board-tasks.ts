/** What the board holds of a project's tasks, and how an event changes it. Pure; an older version never replaces a newer one. */
import type { TaskId } from "@samovar/base";
import type { Page, TaskView, TerminalStatus } from "@samovar/contracts";
import { pickNewerTask } from "./patches.ts";

export interface BoardTasks {
  /** All that are open, and of those that ended what was read, in no order. */
  readonly tasks: readonly TaskView[];
  /** Where the older ones of a status begin; null when all were read. */
  readonly older: Readonly<Record<TerminalStatus, string | null>>;
}

/** Replaces the task, or adds it. */
export function patchBoard(board: BoardTasks | undefined, incoming: TaskView): BoardTasks | undefined {
  if (board === undefined) return undefined;
  const known = board.tasks.some((task) => task.id === incoming.id);
  const tasks = known
    ? board.tasks.map((task) => (task.id === incoming.id ? pickNewerTask(task, incoming) : task))
    : [...board.tasks, incoming];
  return { ...board, tasks };
}

export function withoutTask(board: BoardTasks | undefined, gone: TaskId): BoardTasks | undefined {
  return board === undefined ? undefined : { ...board, tasks: board.tasks.filter((task) => task.id !== gone) };
}

/** Joins older tasks of a status that were read on. */
export function joinOlder(board: BoardTasks, status: TerminalStatus, read: Page<TaskView>): BoardTasks {
  const known = new Set(board.tasks.map((task) => task.id));
  return {
    tasks: [...board.tasks, ...read.items.filter((task) => !known.has(task.id))],
    older: { ...board.older, [status]: read.nextCursor },
  };
}
