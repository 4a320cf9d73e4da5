/** The board's tasks over REST: every open one, and the newest of those that ended. The live feed patches what is cached. */
import type { ProjectId, TaskId } from "@samovar/base";
import {
  LIMITS,
  page,
  TASK_STATUSES,
  taskView,
  TERMINAL_STATUSES,
  type TerminalStatus,
  type Page,
  type TaskView,
} from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { api } from "./client.ts";
import { joinOlder, patchBoard, withoutTask, type BoardTasks } from "./board-tasks.ts";
import { boardKey, tasksKey } from "./query-keys.ts";
import { received } from "./received.ts";

const taskPage = page(taskView);
const OPEN = TASK_STATUSES.filter((status) => !isTerminal(status));
const ENDED_AT_FIRST = 50;

export const boardQuery = (project: ProjectId) =>
  queryOptions({ queryKey: boardKey(project), queryFn: ({ signal }) => readBoard(project, signal) });

/** Reads the next older tasks of a status into the cache. */
export async function readOlder(client: QueryClient, project: ProjectId, status: TerminalStatus): Promise<void> {
  const { queryKey } = boardQuery(project);
  const cursor = client.getQueryData(queryKey)?.older[status] ?? null;
  if (cursor === null) return;
  const query = { status, limit: LIMITS.pageMax, cursor };
  const read = mergePage(
    await api.call("GET /api/projects/{projectId}/tasks", taskPage, { projectId: project, query }),
  );
  client.setQueryData(queryKey, (board) =>
    // Read anew meanwhile: then this page does not join on.
    board === undefined || board.older[status] !== cursor ? board : joinOlder(board, status, read),
  );
}

async function readBoard(projectId: ProjectId, signal: AbortSignal): Promise<BoardTasks> {
  const route = "GET /api/projects/{projectId}/tasks";
  const [open, ...ended] = await Promise.all([
    api.listAll(route, taskPage, { projectId, query: { status: OPEN } }, { signal }),
    ...TERMINAL_STATUSES.map((status) =>
      api.call(route, taskPage, { projectId, query: { status, limit: ENDED_AT_FIRST } }, { signal }),
    ),
  ]);
  const [completed, failed, cancelled] = ended;
  const older = (read: Page<TaskView> | undefined) => read?.nextCursor ?? null;
  // A task whose status changes between two of the responses may be in both or in neither; the socket has it then.
  const tasks = new Map<string, TaskView>();
  for (const task of [...open, ...ended.flatMap((read) => read.items)]) {
    const known = tasks.get(task.id);
    if (known === undefined || known.version < task.version) tasks.set(task.id, task);
  }
  const board: BoardTasks = {
    tasks: [...tasks.values()].filter((task) => !received.isDeleted(task.id)),
    older: { completed: older(completed), failed: older(failed), cancelled: older(cancelled) },
  };
  return received.listTasks(projectId).reduce((patched, task) => patchBoard(patched, task) ?? patched, board);
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
