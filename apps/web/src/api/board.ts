/** The board's tasks over REST: every open one, and the newest of those that ended. The live feed patches what is cached. */
import type { ProjectId, TaskId } from "@samovar/base";
import {
  page,
  TASK_STATUSES,
  taskView,
  TERMINAL_STATUSES,
  type TerminalStatus,
  type Page,
  type TaskStatus,
  type TaskView,
} from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { call } from "./client.ts";
import { joinOlder, patchBoard, withoutTask, type BoardTasks } from "./board-tasks.ts";
import { boardKey, tasksKey } from "./query-keys.ts";
import { received } from "./received.ts";

const taskPage = page(taskView);
const OPEN = TASK_STATUSES.filter((status) => !isTerminal(status));
const ENDED_AT_FIRST = 50;
const MAX_PAGE = 200;

export const boardQuery = (project: ProjectId) =>
  queryOptions({ queryKey: boardKey(project), queryFn: ({ signal }) => readBoard(project, signal) });

/** Reads the next older tasks of a status into the cache. */
export async function readOlder(client: QueryClient, project: ProjectId, status: TerminalStatus): Promise<void> {
  const { queryKey } = boardQuery(project);
  const cursor = client.getQueryData(queryKey)?.older[status] ?? null;
  if (cursor === null) return;
  const read = mergePage(await readPage(project, [status], MAX_PAGE, cursor));
  client.setQueryData(queryKey, (board) =>
    // Read anew meanwhile: then this page does not join on.
    board === undefined || board.older[status] !== cursor ? board : joinOlder(board, status, read),
  );
}

async function readBoard(project: ProjectId, signal: AbortSignal): Promise<BoardTasks> {
  const [open, completed, failed, cancelled] = await Promise.all([
    readOpen(project, signal),
    ...TERMINAL_STATUSES.map((status) => readPage(project, [status], ENDED_AT_FIRST, "", signal)),
  ]);
  const older = (read: Page<TaskView> | undefined) => read?.nextCursor ?? null;
  // A task whose status changes between two of the responses may be in both or in neither; the socket has it then.
  const tasks = new Map<string, TaskView>();
  for (const task of [open, completed, failed, cancelled].flatMap((read) => read?.items ?? [])) {
    const known = tasks.get(task.id);
    if (known === undefined || known.version < task.version) tasks.set(task.id, task);
  }
  const board: BoardTasks = {
    tasks: [...tasks.values()].filter((task) => !received.isDeleted(task.id)),
    older: { completed: older(completed), failed: older(failed), cancelled: older(cancelled) },
  };
  return received.listTasks(project).reduce((patched, task) => patchBoard(patched, task) ?? patched, board);
}

async function readOpen(project: ProjectId, signal: AbortSignal): Promise<Page<TaskView>> {
  const items: TaskView[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const next: Page<TaskView> = await readPage(project, OPEN, MAX_PAGE, cursor, signal);
    items.push(...next.items);
    cursor = next.nextCursor;
  }
  return { items, nextCursor: null };
}

function readPage(
  project: ProjectId,
  statuses: readonly TaskStatus[],
  limit: number,
  cursor: string,
  signal?: AbortSignal,
): Promise<Page<TaskView>> {
  const query = new URLSearchParams({ status: statuses.join(","), limit: `${limit}` });
  if (cursor !== "") query.set("cursor", cursor);
  return call(`/projects/${project}/tasks?${query}`, taskPage, signal === undefined ? {} : { signal });
}

const mergePage = (read: Page<TaskView>): Page<TaskView> => ({
  ...read,
  items: read.items.filter((task) => !received.isDeleted(task.id)).map(received.mergeTask),
});

/** A task that was deleted leaves every list. */
export function forgetTask(client: QueryClient, project: ProjectId, task: TaskId): void {
  received.markDeleted(task);
  client.setQueryData(boardQuery(project).queryKey, (board) => withoutTask(board, task));
  client.setQueryData<readonly TaskView[]>(tasksKey(project), (tasks) => tasks?.filter(({ id }) => id !== task));
}
