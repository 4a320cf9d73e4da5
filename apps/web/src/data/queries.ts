/** What the page reads over REST. The live feed patches the same cache entries. */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import {
  meView,
  page,
  projectView,
  sessionView,
  taskEvent,
  taskView,
  type MeView,
  type Page,
  type SessionView,
  type TaskEvent,
  type TaskView,
} from "@samovar/contracts";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call, isApiError } from "./api.ts";
import { meKey, projectKey, projectsKey, sessionKey, sessionsKey, taskEventsKey, taskKey, tasksKey } from "./keys.ts";
import { told } from "./told.ts";

const SESSIONS_PER_PAGE = 50;
const MAX_PAGE = 200;

export const projectPage = page(projectView);
export const sessionPage = page(sessionView);
const taskPage = page(taskView);
const eventPage = page(taskEvent);

/** Null when nobody is signed in. */
export const meQuery = queryOptions({
  queryKey: meKey,
  queryFn: async ({ signal }): Promise<MeView | null> => {
    try {
      return await call("/me", meView, { signal });
    } catch (error) {
      if (isApiError(error, "unauthenticated")) return null;
      throw error;
    }
  },
});

export const projectsQuery = queryOptions({
  queryKey: projectsKey,
  queryFn: async ({ signal }) => (await call(`/projects?limit=${MAX_PAGE}`, projectPage, { signal })).items,
});

export const projectQuery = (project: ProjectId) =>
  queryOptions({
    queryKey: projectKey(project),
    queryFn: ({ signal }) => call(`/projects/${project}`, projectView, { signal }),
  });

/** Newest first. */
export const sessionsQuery = (project: ProjectId) =>
  infiniteQueryOptions({
    queryKey: sessionsKey(project),
    queryFn: async ({ pageParam, signal }): Promise<Page<SessionView>> => {
      const read = await call(`/projects/${project}/sessions?${pageOf(pageParam, SESSIONS_PER_PAGE)}`, sessionPage, {
        signal,
      });
      return told.sessions(read, project, pageParam === "");
    },
    initialPageParam: "",
    getNextPageParam: (last: Page<SessionView>) => last.nextCursor,
  });

export const sessionQuery = (project: ProjectId, session: SessionId) =>
  queryOptions({
    queryKey: sessionKey(project, session),
    queryFn: async ({ signal }) =>
      told.session(await call(`/projects/${project}/sessions/${session}`, sessionView, { signal })),
  });

/** The newest tasks, for the status words of the session list. */
export const tasksQuery = (project: ProjectId) =>
  queryOptions({
    queryKey: tasksKey(project),
    queryFn: async ({ signal }): Promise<readonly TaskView[]> =>
      told.tasks((await call(`/projects/${project}/tasks?limit=${MAX_PAGE}`, taskPage, { signal })).items, project),
  });

export const taskQuery = (project: ProjectId, task: TaskId) =>
  queryOptions({
    queryKey: taskKey(project, task),
    queryFn: async ({ signal }) => told.task(await call(`/projects/${project}/tasks/${task}`, taskView, { signal })),
  });

/** All of them, in order. */
export const taskEventsQuery = (project: ProjectId, task: TaskId) =>
  queryOptions({
    queryKey: taskEventsKey(project, task),
    queryFn: async ({ signal }): Promise<readonly TaskEvent[]> => {
      const events: TaskEvent[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const next: Page<TaskEvent> = await call(
          `/projects/${project}/tasks/${task}/events?${pageOf(cursor, MAX_PAGE)}`,
          eventPage,
          { signal },
        );
        events.push(...next.items);
        cursor = next.nextCursor;
      }
      return events.toSorted((a, b) => a.seq - b.seq);
    },
  });

function pageOf(cursor: string, limit: number): string {
  return new URLSearchParams(cursor === "" ? { limit: `${limit}` } : { limit: `${limit}`, cursor }).toString();
}
