/**
 * What the socket told last of each session and task. A REST answer that was under way meanwhile may be older:
 * it is brought up to date with this before it is cached, so nothing needs to be asked for twice.
 */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import type { Page, SessionView, TaskView } from "@samovar/contracts";
import { newerSession, newerTask } from "./patches.ts";

const REMEMBERED = 500;

export interface Told {
  heardSession(session: SessionView): void;
  heardTask(task: TaskView): void;
  /** What was heard of it may be untrue: only what is read counts. */
  forgetTask(task: TaskId): void;
  /** It was deleted: no answer that was under way brings it back. */
  goneTask(task: TaskId): void;
  session(read: SessionView): SessionView;
  task(read: TaskView): TaskView;
  /** `first`: the newest page, into which sessions that began since belong. */
  sessions(page: Page<SessionView>, project: ProjectId, first: boolean): Page<SessionView>;
  tasks(read: readonly TaskView[], project: ProjectId): readonly TaskView[];
  /** Everything that was heard of a project's tasks. */
  tasksOf(project: ProjectId): readonly TaskView[];
  isGone(task: TaskId): boolean;
}

export function createTold(): Told {
  const sessions = new Map<SessionId, SessionView>();
  const tasks = new Map<TaskId, TaskView>();
  const gone = new Set<TaskId>();
  const session = (read: SessionView) => newerSession(sessions.get(read.id), read);
  const task = (read: TaskView) => newerTask(tasks.get(read.id), read);
  return {
    heardSession: (told) => remember(sessions, told.id, session(told)),
    heardTask: (told) => remember(tasks, told.id, task(told)),
    forgetTask: (id) => void tasks.delete(id),
    goneTask: (id) => {
      gone.add(id);
      tasks.delete(id);
    },
    session,
    task,
    sessions: (page, project, first) => ({
      ...page,
      items: [...(first ? missing(sessions.values(), page.items, project) : []), ...page.items.map(session)],
    }),
    tasks: (read, project) => [
      ...missing(tasks.values(), read, project),
      ...read.filter(({ id }) => !gone.has(id)).map(task),
    ],
    tasksOf: (project) => [...tasks.values()].filter((known) => known.projectId === project),
    isGone: (id) => gone.has(id),
  };
}

/** Those that are newer than all that was read. Ids sort by the time they were made. */
function missing<T extends { readonly id: string; readonly projectId: ProjectId }>(
  told: Iterable<T>,
  read: readonly T[],
  project: ProjectId,
): readonly T[] {
  const newest = read[0]?.id ?? "";
  return [...told]
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

export const told = createTold();
