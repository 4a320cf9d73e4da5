/**
 * A project's live feed: its socket, the store that it fills and the cached answers that it patches. Events are
 * committed once a frame. After a break everything that may have been missed is asked for again, once.
 */
import type { ProjectId, SessionId } from "@samovar/base";
import { systemRandom, systemTimers } from "@samovar/base";
import type { SessionView, TaskEvent, TaskView, ViewerEvent } from "@samovar/contracts";
import { openProjectSocket, type ProjectSocket } from "@samovar/client/project-socket";
import type { QueryClient } from "@tanstack/react-query";
import { patchBoard, type BoardTasks } from "../board-tasks.ts";
import { isApiError } from "../client.ts";
import { boardKey, meKey, projectKey, sessionKey, taskEventsKey, taskKey, tasksKey } from "../query-keys.ts";
import { pickNewerSession, pickNewerTask, patchEvents, patchSessions, patchTasks } from "../patches.ts";
import { sessionsQuery, tasksQuery } from "../queries.ts";
import { received } from "../received.ts";
import { createFrameBatch, nextFrame } from "./frame-batch.ts";
import { createHistory, createPageReader } from "./history.ts";
import type { LiveStore } from "./store.ts";

export interface ProjectFeed {
  /** Connects; the answer disconnects. What is followed stays so, over any number of openings. */
  open(): () => void;
  follow(sessionId: SessionId): void;
  unfollow(sessionId: SessionId): void;
  /** Reads older messages of a session that is held, at least back to a position. */
  readBack(sessionId: SessionId, to: number): Promise<void>;
}

/** `tailMessages`: a few windows full. The older ones are read as one scrolls up. */
const SOCKET_PACE = { dialTimeoutMs: 20_000, pauses: { initialMs: 300, maxMs: 15_000 }, tailMessages: 100 };

export function createProjectFeed(project: ProjectId, store: LiveStore, client: QueryClient): ProjectFeed {
  const followed = new Set<SessionId>();
  const history = createHistory(store, createPageReader(project), () => new Promise((come) => void nextFrame(come)));
  let socket: ProjectSocket | null = null;
  return {
    readBack: history.readBack,
    open() {
      const { opened, close } = connect(project, store, client);
      socket = opened;
      for (const sessionId of followed) opened.follow(sessionId);
      return () => {
        socket = null;
        close();
      };
    },
    follow(sessionId) {
      followed.add(sessionId);
      socket?.follow(sessionId);
    },
    unfollow(sessionId) {
      followed.delete(sessionId);
      socket?.unfollow(sessionId);
    },
  };
}

function connect(project: ProjectId, store: LiveStore, client: QueryClient) {
  const batch = createFrameBatch<ViewerEvent>(nextFrame, (events) => {
    const { resync } = store.getState().commit(events);
    for (const sessionId of resync) socket.resync(sessionId);
    for (const event of events) patchAnswers(client, project, event);
  });
  let openedBefore = false;
  const socket = openProjectSocket({
    ...SOCKET_PACE,
    dial: () => new WebSocket(toSocketUrl(location, project)),
    timers: systemTimers,
    random: systemRandom,
    cursor: (sessionId) => store.getState().versionOf(sessionId),
    onEvent: (event) => batch.add(event),
    onState: (state, { refused }) => {
      // What an old connection said counts before a new one is asked from where the page stands.
      if (state === "waiting") batch.flush();
      store.getState().setSocketState(state, Date.now());
      if (refused) void client.invalidateQueries({ queryKey: meKey });
      if (state !== "open") return;
      if (openedBefore) catchUp(client, project);
      openedBefore = true;
    },
    onAccessEnded: () => isStillAllowed(client, project),
  });
  const reconnectNow = () => {
    if (document.visibilityState === "visible") socket.wake();
  };
  addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", reconnectNow);
  const close = () => {
    removeEventListener("online", reconnectNow);
    document.removeEventListener("visibilitychange", reconnectNow);
    batch.stop();
    socket.close();
  };
  return { opened: socket, close };
}

/**
 * Asks who is signed in and whether the project is there, which shows the page for either, and returns whether the feed may dial
 * again: a session that slid meanwhile is valid, and without an answer nothing is known.
 */
export async function isStillAllowed(client: QueryClient, project: ProjectId): Promise<boolean> {
  const refetch = (queryKey: readonly string[]) => client.refetchQueries({ queryKey, exact: true });
  await Promise.all([refetch(meKey), refetch(projectKey(project))]);
  if (client.getQueryData(meKey) === null) return false;
  return !isApiError(client.getQueryState(projectKey(project))?.error, "not_found");
}

export function toSocketUrl(at: { readonly protocol: string; readonly host: string }, project: ProjectId): string {
  return `${at.protocol === "https:" ? "wss" : "ws"}://${at.host}/api/projects/${project}/ws`;
}

/** Fetches what changed while disconnected. Messages don't need this: they resume from their version. */
function catchUp(client: QueryClient, project: ProjectId): void {
  void client.invalidateQueries({ queryKey: ["project", project] });
}

export function patchAnswers(client: QueryClient, project: ProjectId, event: ViewerEvent): void {
  switch (event.type) {
    case "session.created":
    case "session.updated":
      return patchSession(client, project, event.session);
    case "session.stopped":
      patchSession(client, project, event.session);
      return detectDeletedTask(client, project, event.session);
    case "task.updated":
      return patchTask(client, project, event.task, event.events);
    default:
      return;
  }
}

function patchSession(client: QueryClient, project: ProjectId, session: SessionView): void {
  received.receiveSession(session);
  client.setQueryData(sessionsQuery(project).queryKey, (pages) => patchSessions(pages, session));
  client.setQueryData<SessionView>(sessionKey(project, session.id), (known) => pickNewerSession(known, session));
}

export function patchTask(client: QueryClient, project: ProjectId, task: TaskView, events: readonly TaskEvent[]): void {
  received.receiveTask(task);
  client.setQueryData(tasksQuery(project).queryKey, (tasks) => patchTasks(tasks, task));
  client.setQueryData<BoardTasks>(boardKey(project), (board) => patchBoard(board, task));
  client.setQueryData<TaskView>(taskKey(project, task.id), (known) => pickNewerTask(known, task));
  const key = taskEventsKey(project, task.id);
  const patched = patchEvents(client.getQueryData<readonly TaskEvent[]>(key), events);
  if (patched === "gap" || client.isFetching({ queryKey: key }) > 0) void client.invalidateQueries({ queryKey: key });
  else if (patched !== undefined) client.setQueryData(key, patched);
}

/** Deleting a task that hasn't run ends its session; no other event reports the deletion. */
function detectDeletedTask(client: QueryClient, project: ProjectId, session: SessionView): void {
  const board = client.getQueryData<BoardTasks>(boardKey(project));
  const known = [...(board?.tasks ?? []), ...(client.getQueryData(tasksQuery(project).queryKey) ?? [])];
  const task = known.find(({ id }) => id === session.taskId);
  if (task?.status !== "draft" && task?.status !== "ready") return;
  received.forgetTask(task.id);
  void client.invalidateQueries({ queryKey: tasksKey(project) });
  void client.invalidateQueries({ queryKey: boardKey(project) });
}
