/**
 * Follows a task to its end: its changes, its events and its transcript, over any number of lost connections.
 * What the socket missed is asked for again, so the watcher is told everything, in order, once.
 */
import type { Random, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { MessageView, TaskEvent, TaskView, ViewerEvent } from "@samovar/contracts";
import { TERMINAL_STATUSES } from "@samovar/contracts";
import type { Transcript, TranscriptEvent } from "@samovar/domain/transcript";
import { applyEvent, emptyTranscript, isTranscriptEvent, subscription } from "@samovar/domain/transcript";
import type { ApiClient } from "./api.ts";
import { UnreachableError } from "./errors.ts";
import { openProjectSocket } from "./project-socket.ts";

export interface TaskWatcher {
  /** A newer version of the task, and the events that are new with it. */
  task(task: TaskView, fresh: readonly TaskEvent[], all: readonly TaskEvent[]): void;
  /** A message that is new, or has a newer revision than `before`. */
  message(message: MessageView, before: MessageView | null): void;
  /** The connection is lost (`false`), or back. */
  connected(up: boolean): void;
}

export interface FollowOptions {
  readonly task: TaskView;
  /** The running Samovar, or null when there is none now. */
  readonly connect: () => Promise<ApiClient | null>;
  readonly watcher: TaskWatcher;
  readonly timers: Timers;
  readonly random: Random;
  /** Leaves without waiting for the end. */
  readonly signal?: AbortSignal;
}

export interface Followed {
  readonly task: TaskView;
  readonly events: readonly TaskEvent[];
  /** Whether the task has ended; false when `signal` came first. */
  readonly ended: boolean;
}

/** How long the last messages may take to arrive once the task has ended. */
const LAST_MESSAGES_MS = 10_000;
/** The socket tells changes at once; this finds what it failed to tell. */
const CHECK_MS = 15_000;

export function followTask(options: FollowOptions): Promise<Followed> {
  const { watcher, timers, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Followed>();
  const seen = new Map<string, MessageView>();
  let task = options.task;
  let events: readonly TaskEvent[] = [];
  let transcript = emptyTranscript(task.sessionId);
  /** The session's version at which the transcript is whole; null until the task has ended. */
  let wanted: number | null = null;
  let cancelDeadline = () => {};
  let cancelCheck = () => {};
  let checking: Promise<void> | null = null;
  let over = false;

  const finish = (ended: boolean) => {
    if (over) return;
    over = true;
    stop();
    resolve({ task, events, ended });
  };
  const fail = (error: unknown) => {
    if (over) return;
    over = true;
    stop();
    reject(error);
  };
  const stop = () => {
    cancelDeadline();
    cancelCheck();
    signal?.removeEventListener("abort", leave);
    socket.close();
  };
  const leave = () => finish(false);

  const learn = (next: TaskView, found: readonly TaskEvent[]) => {
    const last = events.at(-1)?.seq ?? 0;
    const fresh = found.filter((event) => event.seq > last).toSorted((a, b) => a.seq - b.seq);
    if (next.version <= task.version && fresh.length === 0) return;
    events = [...events, ...fresh];
    if (next.version >= task.version) task = next;
    watcher.task(task, fresh, events);
    if (isOver(task)) void check();
  };
  /** Reads the task as it is now, and how far its transcript goes once it has ended. */
  const check = (): Promise<void> => {
    checking ??= read().finally(() => (checking = null));
    return checking;
  };
  const read = async () => {
    try {
      const client = await options.connect();
      if (client === null || over) return;
      learn(await client.task(task.projectId, task.id), await client.taskEvents(task.projectId, task.id));
      if (!isOver(task)) return;
      const session = await client.session(task.projectId, task.sessionId);
      if (wanted === null) cancelDeadline = timers.after(LAST_MESSAGES_MS, () => finish(true));
      wanted = session.version;
      settle();
    } catch (error) {
      // A control plane that is away comes back; any other refusal is told.
      if (!(error instanceof UnreachableError)) fail(error);
    }
  };
  const settle = () => {
    if (wanted !== null && transcript.version >= wanted) finish(true);
  };
  const scheduleCheck = () => {
    cancelCheck();
    cancelCheck = timers.after(CHECK_MS, () => {
      if (over) return;
      scheduleCheck();
      void check();
    });
  };

  const hear = (event: ViewerEvent) => {
    if (over) return;
    if (event.type === "task.updated" && event.task.id === task.id) {
      const expected = (events.at(-1)?.seq ?? 0) + 1;
      const first = event.events[0]?.seq;
      learn(event.task, first === undefined || first <= expected ? event.events : []);
      if (first !== undefined && first > expected) void check();
      return;
    }
    if (event.type === "error") return fail(new Error(event.message));
    if (!isTranscriptEvent(event)) return;
    const { outcome, transcript: next } = applyEvent(transcript, event);
    transcript = next;
    if (outcome === "resync") socket.send(subscription(transcript));
    if (outcome === "applied") tellMessages(event, transcript, seen, watcher);
    settle();
  };

  const socket = openProjectSocket({
    projectId: task.projectId,
    endpoint: options.connect,
    onOpen: () => {
      watcher.connected(true);
      socket.send(subscription(transcript));
      void check();
    },
    onDown: () => {
      watcher.connected(false);
      void check();
    },
    onEvent: (event) => {
      try {
        hear(event);
      } catch (error) {
        fail(new Error(`A change could not be shown: ${errorMessage(error)}`, { cause: error }));
      }
    },
    timers,
    random: options.random,
  });
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted === true) leave();
  else scheduleCheck();
  return promise;
}

function isOver(task: TaskView): boolean {
  return TERMINAL_STATUSES.some((status) => status === task.status);
}

function tellMessages(event: TranscriptEvent, { messages }: Transcript, seen: Map<string, MessageView>, watcher: TaskWatcher): void {
  const first = messages[0]?.position ?? 0;
  for (const changed of changedIn(event)) {
    const message =
      typeof changed === "string" ? messages.findLast(({ messageId }) => messageId === changed) : messages[changed - first];
    if (message === undefined) continue;
    const before = seen.get(message.messageId) ?? null;
    if (before !== null && before.revision >= message.revision) continue;
    seen.set(message.messageId, message);
    watcher.message(message, before);
  }
}

/** Positions, or the id where only that is told. */
function changedIn(event: TranscriptEvent): readonly (number | string)[] {
  if (event.type === "sync") return event.messages.map(({ position }) => position);
  if (event.type === "message.new") return [event.message.position];
  return event.change.mode === "whole" ? [event.change.message.position] : [event.change.delta.messageId];
}
