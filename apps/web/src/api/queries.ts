/** What the page reads over REST. The live feed patches the same cache entries. */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import {
  LIMITS,
  meView,
  page,
  projectView,
  searchPage,
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
import { api, isApiError } from "./client.ts";
import {
  allProjectsKey,
  foundSessionsKey,
  meKey,
  projectKey,
  projectsKey,
  foundMessagesKey,
  sessionKey,
  sessionsKey,
  taskEventsKey,
  taskKey,
  tasksKey,
  type SessionFilter,
} from "./query-keys.ts";
import { received } from "./received.ts";

const SESSIONS_PER_PAGE = 50;
const FIRST_PAGE: string | undefined = undefined;

const projectPage = page(projectView);
const sessionPage = page(sessionView);
const taskPage = page(taskView);
const eventPage = page(taskEvent);

/** Null when signed out. */
export const meQuery = queryOptions({
  queryKey: meKey,
  queryFn: async ({ signal }): Promise<MeView | null> => {
    try {
      return await api.call("GET /api/me", meView, {}, { signal });
    } catch (error) {
      if (isApiError(error, "unauthenticated")) return null;
      throw error;
    }
  },
});

export const projectsQuery = queryOptions({
  queryKey: projectsKey,
  queryFn: async ({ signal }) =>
    (await api.call("GET /api/projects", projectPage, { query: { limit: LIMITS.pageMax } }, { signal })).items,
});

/** Those that are archived among them. */
export const allProjectsQuery = queryOptions({
  queryKey: allProjectsKey,
  queryFn: async ({ signal }) => {
    const query = { limit: LIMITS.pageMax, archived: "true" };
    return (await api.call("GET /api/projects", projectPage, { query }, { signal })).items;
  },
});

export const projectQuery = (projectId: ProjectId) =>
  queryOptions({
    queryKey: projectKey(projectId),
    queryFn: ({ signal }) => api.call("GET /api/projects/{projectId}", projectView, { projectId }, { signal }),
  });

/** Newest first; live when nothing is filtered, else as the server finds them. */
export const sessionsQuery = (projectId: ProjectId, filter: SessionFilter = {}) =>
  infiniteQueryOptions({
    queryKey: isFiltering(filter) ? foundSessionsKey(projectId, filter) : sessionsKey(projectId),
    queryFn: async ({ pageParam: cursor, signal }): Promise<Page<SessionView>> => {
      const query = { limit: SESSIONS_PER_PAGE, cursor, q: filter.q, status: filter.status };
      const read = await api.call(
        "GET /api/projects/{projectId}/sessions",
        sessionPage,
        { projectId, query },
        { signal },
      );
      return isFiltering(filter) ? read : received.mergeSessions(read, projectId, cursor === undefined);
    },
    initialPageParam: FIRST_PAGE,
    getNextPageParam: (last: Page<SessionView>) => last.nextCursor,
    ...(isFiltering(filter) ? { placeholderData: keepPreviousData } : {}),
  });

const MESSAGES_FOUND = 12;

/** The newest messages with these words, as the server finds them; none for a single letter. */
export const foundMessagesQuery = (projectId: ProjectId, words: string) =>
  queryOptions({
    queryKey: foundMessagesKey(projectId, words),
    queryFn: ({ signal }) => {
      const query = { q: words, limit: MESSAGES_FOUND };
      return api.call("GET /api/projects/{projectId}/search", searchPage, { projectId, query }, { signal });
    },
    enabled: words.length > 1,
    // A running agent may have said it meanwhile.
    staleTime: 0,
    retry: false,
    placeholderData: keepPreviousData,
  });

export const isFiltering = ({ q, status }: SessionFilter): boolean => q !== undefined || status !== undefined;

export const sessionQuery = (projectId: ProjectId, sessionId: SessionId) =>
  queryOptions({
    queryKey: sessionKey(projectId, sessionId),
    queryFn: async ({ signal }) => {
      const route = "GET /api/projects/{projectId}/sessions/{sessionId}";
      return received.mergeSession(await api.call(route, sessionView, { projectId, sessionId }, { signal }));
    },
  });

/** The newest tasks, for the status words of the session list. */
export const tasksQuery = (projectId: ProjectId) =>
  queryOptions({
    queryKey: tasksKey(projectId),
    queryFn: async ({ signal }): Promise<readonly TaskView[]> => {
      const query = { limit: LIMITS.pageMax };
      const { items } = await api.call(
        "GET /api/projects/{projectId}/tasks",
        taskPage,
        { projectId, query },
        { signal },
      );
      return received.mergeTasks(items, projectId);
    },
  });

export const taskQuery = (projectId: ProjectId, taskId: TaskId) =>
  queryOptions({
    queryKey: taskKey(projectId, taskId),
    queryFn: async ({ signal }) => {
      const route = "GET /api/projects/{projectId}/tasks/{taskId}";
      return received.mergeTask(await api.call(route, taskView, { projectId, taskId }, { signal }));
    },
  });

/** Fetches a session and its task ahead of the page that shows them and reports a failure. */
export async function prefetchSession(client: QueryClient, project: ProjectId, session: SessionId): Promise<void> {
  await client.prefetchQuery(sessionQuery(project, session));
  const taskId = client.getQueryData(sessionQuery(project, session).queryKey)?.taskId ?? null;
  if (taskId !== null) await client.prefetchQuery(taskQuery(project, taskId));
}

/** All of them, in order. */
export const taskEventsQuery = (projectId: ProjectId, taskId: TaskId) =>
  queryOptions({
    queryKey: taskEventsKey(projectId, taskId),
    queryFn: async ({ signal }): Promise<readonly TaskEvent[]> => {
      const route = "GET /api/projects/{projectId}/tasks/{taskId}/events";
      const events = await api.listAll(route, eventPage, { projectId, taskId }, { signal });
      return events.toSorted((a, b) => a.seq - b.seq);
    },
  });
