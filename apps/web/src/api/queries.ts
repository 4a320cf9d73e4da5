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
import { infiniteQueryOptions, keepPreviousData, queryOptions, type QueryClient } from "@tanstack/react-query";
import { call, isApiError } from "./client.ts";
import {
  allProjectsKey,
  foundSessionsKey,
  meKey,
  projectKey,
  projectsKey,
  sessionKey,
  sessionsKey,
  taskEventsKey,
  taskKey,
  tasksKey,
  type SessionFilter,
} from "./query-keys.ts";
import { received } from "./received.ts";

const SESSIONS_PER_PAGE = 50;
const MAX_PAGE = 200;

const projectPage = page(projectView);
const sessionPage = page(sessionView);
const taskPage = page(taskView);
const eventPage = page(taskEvent);

/** Null when signed out. */
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

/** Those that are archived among them. */
export const allProjectsQuery = queryOptions({
  queryKey: allProjectsKey,
  queryFn: async ({ signal }) =>
    (await call(`/projects?archived=true&limit=${MAX_PAGE}`, projectPage, { signal })).items,
});

export const projectQuery = (project: ProjectId) =>
  queryOptions({
    queryKey: projectKey(project),
    queryFn: ({ signal }) => call(`/projects/${project}`, projectView, { signal }),
  });

/** Newest first; live when nothing is filtered, else as the server finds them. */
export const sessionsQuery = (project: ProjectId, filter: SessionFilter = {}) =>
  infiniteQueryOptions({
    queryKey: isFiltering(filter) ? foundSessionsKey(project, filter) : sessionsKey(project),
    queryFn: async ({ pageParam, signal }): Promise<Page<SessionView>> => {
      const query = toPageQuery(pageParam, SESSIONS_PER_PAGE, { q: filter.q, status: filter.status });
      const read = await call(`/projects/${project}/sessions?${query}`, sessionPage, { signal });
      return isFiltering(filter) ? read : received.mergeSessions(read, project, pageParam === "");
    },
    initialPageParam: "",
    getNextPageParam: (last: Page<SessionView>) => last.nextCursor,
    ...(isFiltering(filter) ? { placeholderData: keepPreviousData } : {}),
  });

export const isFiltering = ({ q, status }: SessionFilter): boolean => q !== undefined || status !== undefined;

export const sessionQuery = (project: ProjectId, session: SessionId) =>
  queryOptions({
    queryKey: sessionKey(project, session),
    queryFn: async ({ signal }) =>
      received.mergeSession(await call(`/projects/${project}/sessions/${session}`, sessionView, { signal })),
  });

/** The newest tasks, for the status words of the session list. */
export const tasksQuery = (project: ProjectId) =>
  queryOptions({
    queryKey: tasksKey(project),
    queryFn: async ({ signal }): Promise<readonly TaskView[]> =>
      received.mergeTasks(
        (await call(`/projects/${project}/tasks?limit=${MAX_PAGE}`, taskPage, { signal })).items,
        project,
      ),
  });

export const taskQuery = (project: ProjectId, task: TaskId) =>
  queryOptions({
    queryKey: taskKey(project, task),
    queryFn: async ({ signal }) =>
      received.mergeTask(await call(`/projects/${project}/tasks/${task}`, taskView, { signal })),
  });

/** Fetches a session and its task ahead of the page that shows them and reports a failure. */
export async function prefetchSession(client: QueryClient, project: ProjectId, session: SessionId): Promise<void> {
  await client.prefetchQuery(sessionQuery(project, session));
  const taskId = client.getQueryData(sessionQuery(project, session).queryKey)?.taskId ?? null;
  if (taskId !== null) await client.prefetchQuery(taskQuery(project, taskId));
}

/** All of them, in order. */
export const taskEventsQuery = (project: ProjectId, task: TaskId) =>
  queryOptions({
    queryKey: taskEventsKey(project, task),
    queryFn: async ({ signal }): Promise<readonly TaskEvent[]> => {
      const events: TaskEvent[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const next: Page<TaskEvent> = await call(
          `/projects/${project}/tasks/${task}/events?${toPageQuery(cursor, MAX_PAGE)}`,
          eventPage,
          { signal },
        );
        events.push(...next.items);
        cursor = next.nextCursor;
      }
      return events.toSorted((a, b) => a.seq - b.seq);
    },
  });

function toPageQuery(cursor: string, limit: number, more: Readonly<Record<string, string | undefined>> = {}): string {
  const query = new URLSearchParams({ limit: `${limit}` });
  if (cursor !== "") query.set("cursor", cursor);
  for (const [name, value] of Object.entries(more)) if (value !== undefined) query.set(name, value);
  return query.toString();
}
