/**
 * Follows a task to its end: its changes, events and transcript, across any number of lost connections.
 * It reads again what the socket missed, so the watcher receives everything once and in order.
 */
import { backoffMs, type Clock, type Random, RunningClock, type Timers } from "@samovar/base";
import type { AccessEnd, MessageView, TaskEvent, TaskView, ViewerEvent } from "@samovar/contracts";
import { ACCESS_END_CLOSE, ERROR_CATALOGUE } from "@samovar/contracts";
import type { Transcript, TranscriptEvent } from "@samovar/domain/transcript";
import { applyEvent, emptyTranscript, isTranscriptEvent } from "@samovar/domain/transcript";
import { isTerminal } from "@samovar/domain/task-status";
import { openProjectSocket, type ProjectSocket, type SocketState } from "@samovar/client/project-socket";
import type { SamovarClient } from "./samovar-client.ts";
import { dialProject, SOCKET_PACE } from "./dial-project.ts";
import { CliError, UnreachableError } from "./errors.ts";

export interface TaskWatcher {
  /** A newer version of the task, and the new events. */
  task(task: TaskView, fresh: readonly TaskEvent[], all: readonly TaskEvent[]): void;
  /** A new message (`before` is null), or a newer revision of one. */
  message(message: MessageView, before: MessageView | null): void;
  /** The connection was lost (`false`) or restored (`true`). */
  connected(up: boolean): void;
}

export interface FollowOptions {
  readonly task: TaskView;
  /** Events of earlier attempts, which are not reported again. */
  readonly known?: readonly TaskEvent[];
  /** The running Samovar, or null when there is none now. */
  readonly connect: () => Promise<SamovarClient | null>;
  readonly watcher: TaskWatcher;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Stops following before the task has ended. */
  readonly signal?: AbortSignal;
}

export interface Followed {
  readonly task: TaskView;
  readonly events: readonly TaskEvent[];
  /** Whether the task has ended; false when `signal` came first. */
  readonly ended: boolean;
}

/** How often to read the task in case the socket missed a change. */
const CHECK_MS = 15_000;
/** The first delay after a failed request; doubled with each consecutive failure. */
const RETRY_MS = 500;
/** Gives up when Samovar stays unreachable this long. Counts only time in which this process was running. */
const GONE_MS = 600_000;
/** Consecutive failed requests before giving up. */
const MAX_MISSES = 20;

export function followTask(options: FollowOptions): Promise<Followed> {
  return new Follower(options).run();
}

class Follower {
  readonly #options: FollowOptions;
  readonly #time: RunningClock;
  readonly #outcome = Promise.withResolvers<Followed>();
  readonly #seen = new Map<string, MessageView>();
  readonly #socket: ProjectSocket;
  readonly #detach = (): void => this.#finish(false);
  #task: TaskView;
  #events: readonly TaskEvent[] = [];
  #transcript: Transcript;
  /** The session version at which the transcript is complete; null until the task has ended. */
  #wanted: number | null = null;
  /** What the watcher last received; null before the first connection attempt has ended. */
  #isConnected: boolean | null = null;
  /** Counts task updates from the socket: a request that was sent before the newest one may return an older state. */
  #updates = 0;
  #cancelCheck: (() => void) | null = null;
  #cancelGone: (() => void) | null = null;
  #checking: Promise<void> | null = null;
  #ending: Promise<void> | null = null;
  #misses = 0;
  #over = false;
  #dialledToken: string | null = null;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#time = new RunningClock(options.clock, options.timers);
    this.#task = options.task;
    this.#events = options.known ?? [];
    this.#transcript = emptyTranscript(options.task.sessionId);
    this.#socket = openProjectSocket({
      ...SOCKET_PACE,
      dial: dialProject(options.task.projectId, async () => {
        const client = await options.connect();
        this.#dialledToken = client?.token ?? null;
        return client;
      }),
      cursor: () => this.#transcript.version,
      onState: (state) => this.#handleState(state),
      onEvent: (event) => this.#receive(event),
      onAccessEnded: async (end) => {
        const again = await this.#isOtherToken(this.#dialledToken);
        if (!again) this.#fail(createEndedError(end, this.#task));
        return again;
      },
      // Time in which this process was stopped doesn't count, so a pong that arrived meanwhile is read first.
      timers: this.#time,
      random: options.random,
    });
    this.#socket.follow(options.task.sessionId);
  }

  run(): Promise<Followed> {
    const { signal } = this.#options;
    signal?.addEventListener("abort", this.#detach, { once: true });
    if (signal?.aborted === true) this.#detach();
    else this.#scheduleCheck();
    return this.#outcome.promise;
  }

  /** A Samovar that stops or starts again revokes its token and makes a new one: none or another one means to go on. */
  async #isOtherToken(ended: string | null): Promise<boolean> {
    const client = await this.#options.connect();
    return client === null || client.token !== ended;
  }

  /** Reports a lost connection, or a first one that fails, once, however often the socket dials. */
  #handleState(state: SocketState): void {
    if (state === "open") this.#handleOpened();
    else if (state === "waiting" && this.#isConnected !== false) this.#handleLost();
  }

  #handleOpened(): void {
    this.#isConnected = true;
    this.#cancelGone?.();
    this.#cancelGone = null;
    this.#options.watcher.connected(true);
    void this.#check();
  }

  #handleLost(): void {
    this.#isConnected = false;
    this.#options.watcher.connected(false);
    this.#restartGoneTimer();
    void this.#check();
  }

  #restartGoneTimer(): void {
    this.#cancelGone?.();
    this.#cancelGone = this.#time.after(GONE_MS, () => this.#fail(createGoneError(this.#task)));
  }

  #receive(event: ViewerEvent): void {
    if (this.#over) return;
    if (event.type === "task.updated") return this.#receiveTask(event);
    if (event.type === "error") return this.#fail(new CliError(event.message, null, event.code));
    if (!isTranscriptEvent(event)) return;
    const { outcome, transcript } = applyEvent(this.#transcript, event);
    this.#transcript = transcript;
    if (outcome === "resync") this.#socket.resync(this.#transcript.sessionId);
    if (outcome === "applied") this.#reportChanged(event);
    this.#finishIfComplete();
  }

  /** Reads the task again when an update does not follow what is known: a gap in its events, or a new version without any. */
  #receiveTask({ task, events }: Extract<ViewerEvent, { type: "task.updated" }>): void {
    if (task.id !== this.#task.id) return;
    this.#updates += 1;
    const first = events[0]?.seq;
    const isContiguous = first === undefined ? task.version <= this.#task.version : first <= this.#lastSeq() + 1;
    if (isContiguous) this.#apply(task, events);
    else void this.#check();
  }

  #apply(task: TaskView, found: readonly TaskEvent[]): void {
    const last = this.#lastSeq();
    const fresh = found.filter((event) => event.seq > last).toSorted((a, b) => a.seq - b.seq);
    const isNewer = task.version > this.#task.version || hasNewWaiting(task, this.#task);
    if (!isNewer && fresh.length === 0) return;
    this.#events = [...this.#events, ...fresh];
    if (task.version >= this.#task.version) this.#task = task;
    this.#options.watcher.task(this.#task, fresh, this.#events);
    if (isTerminal(this.#task.status)) void this.#end();
  }

  #lastSeq(): number {
    return this.#events.at(-1)?.seq ?? 0;
  }

  /** Reads the task and its events as they are now. */
  #check(): Promise<void> {
    this.#checking ??= this.#request(async (client) => {
      const { projectId, id } = this.#task;
      const updates = this.#updates;
      const task = await client.task(projectId, id);
      const events = await client.taskEvents(projectId, id);
      // The queue position changes without a new version: an update received meanwhile is newer than this answer.
      const isOlder = updates !== this.#updates && task.version <= this.#task.version;
      if (!this.#over) this.#apply(isOlder ? this.#task : task, events);
      if (isTerminal(this.#task.status)) await this.#end();
    }).finally(() => (this.#checking = null));
    return this.#checking;
  }

  /** After the task has ended: reads how far its transcript goes, and gets what is missing. */
  #end(): Promise<void> {
    this.#ending ??= this.#request(async (client) => {
      const { projectId, sessionId } = this.#task;
      this.#wanted = (await client.session(projectId, sessionId)).version;
      this.#finishIfComplete();
      if (this.#over || this.#socket.isAsking(sessionId)) return;
      this.#socket.resync(sessionId);
      if (this.#socket.isAsking(sessionId)) return;
      const messages = await client.messages(projectId, sessionId);
      if (this.#over) return;
      for (const message of messages) this.#report(message);
      this.#finish(true);
    }).finally(() => (this.#ending = null));
    return this.#ending;
  }

  /** Sends requests to the control plane; schedules another check soon after a transient failure. */
  async #request(work: (client: SamovarClient) => Promise<void>): Promise<void> {
    let token: string | null = null;
    try {
      const client = await this.#options.connect();
      token = client?.token ?? null;
      if (client === null || this.#over) return;
      await work(client);
      this.#misses = 0;
      if (this.#cancelGone !== null && !this.#over) this.#restartGoneTimer();
    } catch (error) {
      if (this.#over || error instanceof UnreachableError) return;
      if (isUnauthenticated(error) && (await this.#isOtherToken(token))) return;
      if (!isTransient(error) || ++this.#misses > MAX_MISSES) return this.#fail(error);
      this.#scheduleCheck(backoffMs(this.#misses, { initialMs: RETRY_MS, maxMs: CHECK_MS }));
    }
  }

  #scheduleCheck(delayMs: number = CHECK_MS): void {
    this.#cancelCheck?.();
    this.#cancelCheck = this.#options.timers.after(delayMs, () => {
      this.#scheduleCheck();
      void this.#check();
    });
  }

  #reportChanged(event: TranscriptEvent): void {
    const { messages } = this.#transcript;
    const first = messages[0]?.position ?? 0;
    for (const changed of getChanged(event)) {
      const message =
        typeof changed === "string"
          ? messages.findLast(({ messageId }) => messageId === changed)
          : messages[changed - first];
      if (message !== undefined) this.#report(message);
    }
  }

  #report(message: MessageView): void {
    const before = this.#seen.get(message.messageId) ?? null;
    if (before !== null && before.revision >= message.revision) return;
    this.#seen.set(message.messageId, message);
    this.#options.watcher.message(message, before);
  }

  #finishIfComplete(): void {
    if (this.#wanted !== null && this.#transcript.version >= this.#wanted) this.#finish(true);
  }

  #finish(ended: boolean): void {
    this.#stop();
    this.#outcome.resolve({ task: this.#task, events: this.#events, ended });
  }

  #fail(error: unknown): void {
    this.#stop();
    this.#outcome.reject(error);
  }

  #stop(): void {
    this.#over = true;
    this.#cancelCheck?.();
    this.#cancelGone?.();
    this.#options.signal?.removeEventListener("abort", this.#detach);
    this.#socket.close();
  }
}

const createGoneError = ({ id }: TaskView): CliError =>
  new CliError(
    `Samovar has not answered for ${GONE_MS / 60_000} minutes. The task may still be running.`,
    `When Samovar runs again, check the task with: samovar task ${id}`,
  );

/** Says the same as the refusal of a request with such a token. */
const createEndedError = (end: AccessEnd, { id }: TaskView): CliError =>
  new CliError(
    `Samovar closed the connection: ${ACCESS_END_CLOSE[end].reason}. The task may still be running.`,
    `Restart Samovar with: samovar up. Then check the task with: samovar task ${id}`,
    "unauthenticated",
  );

const isUnauthenticated = (error: unknown): boolean => error instanceof CliError && error.code === "unauthenticated";

/** The queue position changes without a new version of the task. */
function hasNewWaiting(task: TaskView, known: TaskView): boolean {
  return task.version === known.version && JSON.stringify(task.waiting) !== JSON.stringify(known.waiting);
}

/** Whether a retry may succeed: a control plane that is starting or overloaded recovers. */
function isTransient(error: unknown): boolean {
  return error instanceof CliError && (error.code === null || ERROR_CATALOGUE[error.code].retriable);
}

/** The positions of changed messages, or the message id where the event carries only that. */
function getChanged(event: TranscriptEvent): readonly (number | string)[] {
  if (event.type === "sync") return event.messages.map(({ position }) => position);
  if (event.type === "message.new") return [event.message.position];
  return event.change.mode === "whole" ? [event.change.message.position] : [event.change.delta.messageId];
}
