/**
 * Follows a task to its end: its changes, its events and its transcript, over any number of lost connections.
 * What the socket missed is asked for again, so the watcher is told everything, in order, once.
 */
import { backoffMs, type Clock, type Random, RunningClock, type Timers } from "@samovar/base";
import type { MessageView, TaskEvent, TaskView, ViewerEvent } from "@samovar/contracts";
import { ERROR_CATALOGUE } from "@samovar/contracts";
import type { Transcript, TranscriptEvent } from "@samovar/domain/transcript";
import { applyEvent, emptyTranscript, isTranscriptEvent } from "@samovar/domain/transcript";
import { isTerminal } from "@samovar/domain/task-status";
import { openProjectSocket, type ProjectSocket, type SocketState } from "@samovar/client/project-socket";
import type { SamovarClient } from "./samovar-client.ts";
import { dialProject, SOCKET_PACE } from "./dial-project.ts";
import { CliError, UnreachableError } from "./errors.ts";

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
  /** Events that are known already and not told again: those of earlier attempts. */
  readonly known?: readonly TaskEvent[];
  /** The running Samovar, or null when there is none now. */
  readonly connect: () => Promise<SamovarClient | null>;
  readonly watcher: TaskWatcher;
  readonly clock: Clock;
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

/** The socket tells changes at once; this finds what it failed to tell. */
const CHECK_MS = 15_000;
/** After an answer that failed; doubled with each in a row. */
const AGAIN_MS = 500;
/** Whoever waits for a Samovar that never comes back is told so. Only time counts in which this process ran. */
const GONE_MS = 600_000;
/** Unreadable or failing answers in a row that are put up with. */
const MOST_MISSES = 20;

export function followTask(options: FollowOptions): Promise<Followed> {
  return new Follower(options).run();
}

class Follower {
  readonly #options: FollowOptions;
  readonly #time: RunningClock;
  readonly #outcome = Promise.withResolvers<Followed>();
  readonly #seen = new Map<string, MessageView>();
  readonly #socket: ProjectSocket;
  readonly #leave = (): void => this.#finish(false);
  #task: TaskView;
  #events: readonly TaskEvent[] = [];
  #transcript: Transcript;
  /** The session's version at which the transcript is whole; null until the task has ended. */
  #wanted: number | null = null;
  /** Whether the watcher knows of a connection; null before the first attempt came to anything. */
  #isConnected: boolean | null = null;
  /** How often the socket told of the task: what was asked for before that is older. */
  #told = 0;
  #cancelCheck: (() => void) | null = null;
  #cancelGone: (() => void) | null = null;
  #checking: Promise<void> | null = null;
  #ending: Promise<void> | null = null;
  #misses = 0;
  #over = false;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#time = new RunningClock(options.clock, options.timers);
    this.#task = options.task;
    this.#events = options.known ?? [];
    this.#transcript = emptyTranscript(options.task.sessionId);
    this.#socket = openProjectSocket({
      ...SOCKET_PACE,
      dial: dialProject(options.task.projectId, options.connect),
      cursor: () => this.#transcript.version,
      onState: (state) => this.#connectionChanged(state),
      onEvent: (event) => this.#hear(event),
      // A pong that came while this process was stopped is read before its absence counts.
      timers: this.#time,
      random: options.random,
    });
    this.#socket.follow(options.task.sessionId);
  }

  run(): Promise<Followed> {
    const { signal } = this.#options;
    signal?.addEventListener("abort", this.#leave, { once: true });
    if (signal?.aborted === true) this.#leave();
    else this.#scheduleCheck();
    return this.#outcome.promise;
  }

  /** A connection that is lost, or the first that does not come about, is reported once, however often it is dialled. */
  #connectionChanged(state: SocketState): void {
    if (state === "open") this.#opened();
    else if (state === "waiting" && this.#isConnected !== false) this.#lost();
  }

  #opened(): void {
    this.#isConnected = true;
    this.#cancelGone?.();
    this.#cancelGone = null;
    this.#options.watcher.connected(true);
    void this.#check();
  }

  #lost(): void {
    this.#isConnected = false;
    this.#options.watcher.connected(false);
    this.#countGone();
    void this.#check();
  }

  #countGone(): void {
    this.#cancelGone?.();
    this.#cancelGone = this.#time.after(GONE_MS, () => this.#fail(goneError(this.#task)));
  }

  #hear(event: ViewerEvent): void {
    if (this.#over) return;
    if (event.type === "task.updated") return this.#hearTask(event);
    if (event.type === "error") return this.#fail(new CliError(event.message, null, event.code));
    if (!isTranscriptEvent(event)) return;
    const { outcome, transcript } = applyEvent(this.#transcript, event);
    this.#transcript = transcript;
    if (outcome === "resync") this.#socket.resync(this.#transcript.sessionId);
    if (outcome === "applied") this.#tellChanged(event);
    this.#settle();
  }

  /** What does not join to what is known is read again: a gap in the events, or a new version without any. */
  #hearTask({ task, events }: Extract<ViewerEvent, { type: "task.updated" }>): void {
    if (task.id !== this.#task.id) return;
    this.#told += 1;
    const first = events[0]?.seq;
    const joins = first === undefined ? task.version <= this.#task.version : first <= this.#lastSeq() + 1;
    if (joins) this.#learn(task, events);
    else void this.#check();
  }

  #learn(task: TaskView, found: readonly TaskEvent[]): void {
    const last = this.#lastSeq();
    const fresh = found.filter((event) => event.seq > last).toSorted((a, b) => a.seq - b.seq);
    const isNews = task.version > this.#task.version || waitsForElse(task, this.#task);
    if (!isNews && fresh.length === 0) return;
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
    this.#checking ??= this.#asking(async (client) => {
      const { projectId, id } = this.#task;
      const told = this.#told;
      const task = await client.task(projectId, id);
      const events = await client.taskEvents(projectId, id);
      // Its place in line changes without a new version: what was told meanwhile is newer than this answer.
      const isOlder = told !== this.#told && task.version <= this.#task.version;
      if (!this.#over) this.#learn(isOlder ? this.#task : task, events);
      if (isTerminal(this.#task.status)) await this.#end();
    }).finally(() => (this.#checking = null));
    return this.#checking;
  }

  /** Of a task that has ended: reads how far its transcript goes, and gets what is missing of it. */
  #end(): Promise<void> {
    this.#ending ??= this.#asking(async (client) => {
      const { projectId, sessionId } = this.#task;
      this.#wanted = (await client.session(projectId, sessionId)).version;
      this.#settle();
      if (this.#over || this.#socket.isAsking(sessionId)) return;
      this.#socket.resync(sessionId);
      if (this.#socket.isAsking(sessionId)) return;
      const messages = await client.messages(projectId, sessionId);
      if (this.#over) return;
      for (const message of messages) this.#tell(message);
      this.#finish(true);
    }).finally(() => (this.#ending = null));
    return this.#ending;
  }

  /** Asks the control plane; a failure that may pass is followed by another check soon. */
  async #asking(work: (client: SamovarClient) => Promise<void>): Promise<void> {
    try {
      const client = await this.#options.connect();
      if (client === null || this.#over) return;
      await work(client);
      this.#misses = 0;
      if (this.#cancelGone !== null && !this.#over) this.#countGone();
    } catch (error) {
      if (this.#over || error instanceof UnreachableError) return;
      if (!mayPass(error) || ++this.#misses > MOST_MISSES) return this.#fail(error);
      this.#scheduleCheck(backoffMs(this.#misses, { initialMs: AGAIN_MS, maxMs: CHECK_MS }));
    }
  }

  #scheduleCheck(delayMs: number = CHECK_MS): void {
    this.#cancelCheck?.();
    this.#cancelCheck = this.#options.timers.after(delayMs, () => {
      this.#scheduleCheck();
      void this.#check();
    });
  }

  #tellChanged(event: TranscriptEvent): void {
    const { messages } = this.#transcript;
    const first = messages[0]?.position ?? 0;
    for (const changed of changedIn(event)) {
      const message =
        typeof changed === "string"
          ? messages.findLast(({ messageId }) => messageId === changed)
          : messages[changed - first];
      if (message !== undefined) this.#tell(message);
    }
  }

  #tell(message: MessageView): void {
    const before = this.#seen.get(message.messageId) ?? null;
    if (before !== null && before.revision >= message.revision) return;
    this.#seen.set(message.messageId, message);
    this.#options.watcher.message(message, before);
  }

  #settle(): void {
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
    this.#options.signal?.removeEventListener("abort", this.#leave);
    this.#socket.close();
  }
}

const goneError = ({ id }: TaskView): CliError =>
  new CliError(
    `Samovar has not answered for ${GONE_MS / 60_000} minutes; the task may go on.`,
    `Once Samovar runs again, see how it stands: samovar task ${id}`,
  );

/** A place in line changes without a new version of the task. */
function waitsForElse(task: TaskView, known: TaskView): boolean {
  return task.version === known.version && JSON.stringify(task.waiting) !== JSON.stringify(known.waiting);
}

/** Whether the next answer may be better: a control plane that starts or is in trouble recovers. */
function mayPass(error: unknown): boolean {
  return error instanceof CliError && (error.code === null || ERROR_CATALOGUE[error.code].retriable);
}

/** Positions, or the id where only that is told. */
function changedIn(event: TranscriptEvent): readonly (number | string)[] {
  if (event.type === "sync") return event.messages.map(({ position }) => position);
  if (event.type === "message.new") return [event.message.position];
  return event.change.mode === "whole" ? [event.change.message.position] : [event.change.delta.messageId];
}
