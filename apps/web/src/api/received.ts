/**
 * The latest session and task views received on the socket. A REST response that was in flight meanwhile may be older:
 * it is merged with these before it is cached, so nothing has to be fetched twice.
 */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import type { Page, SessionView, TaskView } from "@samovar/contracts";
import { pickNewerSession, pickNewerTask } from "./patches.ts";

const REMEMBERED = 500;

export interface Received {
  receiveSession(session: SessionView): void;
  receiveTask(task: TaskView): void;
  /** Drops what was received of it, which may be wrong: only a new read counts. */
  forgetTask(task: TaskId): void;
  /** No response that was in flight brings a deleted task back. */
  markDeleted(task: TaskId): void;
  mergeSession(read: SessionView): SessionView;
  mergeTask(read: TaskView): TaskView;
  /** `first`: the newest page, which also takes the sessions that started since. */
  mergeSessions(page: Page<SessionView>, project: ProjectId, first: boolean): Page<SessionView>;
  mergeTasks(read: readonly TaskView[], project: ProjectId): readonly TaskView[];
  /** All received tasks of a project. */
  listTasks(project: ProjectId): readonly TaskView[];
  isDeleted(task: TaskId): boolean;
}

export function createReceived(): Received {
  const sessions = new Map<SessionId, SessionView>();
  const tasks = new Map<TaskId, TaskView>();
  const gone = new Set<TaskId>();
  const mergeSession = (read: SessionView) => pickNewerSession(sessions.get(read.id), read);
  const mergeTask = (read: TaskView) => pickNewerTask(tasks.get(read.id), read);
  return {
    receiveSession: (session) => remember(sessions, session.id, mergeSession(session)),
    receiveTask: (task) => remember(tasks, task.id, mergeTask(task)),
    forgetTask: (id) => void tasks.delete(id),
    markDeleted: (id) => {
      gone.add(id);
      tasks.delete(id);
    },
    mergeSession,
    mergeTask,
    mergeSessions: (page, project, first) => ({
      ...page,
      items: [...(first ? missing(sessions.values(), page.items, project) : []), ...page.items.map(mergeSession)],
    }),
    mergeTasks: (read, project) => [
      ...missing(tasks.values(), read, project),
      ...read.filter(({ id }) => !gone.has(id)).map(mergeTask),
    ],
    listTasks: (project) => [...tasks.values()].filter((known) => known.projectId === project),
    isDeleted: (id) => gone.has(id),
  };
}

/** Those that are newer than all that was read. Ids sort by the time they were made. */
function missing<T extends { readonly id: string; readonly projectId: ProjectId }>(
  received: Iterable<T>,
  read: readonly T[],
  project: ProjectId,
): readonly T[] {
  const newest = read[0]?.id ?? "";
  return [...received]
    .filter((item) => item.projectId === project && item.id > newest)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED) return;
    map.delete(oldest);
  }
}

export const received = createReceived();
