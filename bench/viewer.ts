/** A viewer of one project over its WebSocket: receives each task's end, and when an agent's first message was stored. */
import { type ProjectId, type SessionId, systemRandom, systemTimers, type TaskId } from "@samovar/base";
import { dialProject, SOCKET_PACE } from "@samovar/cli/client/dial-project";
import { openProjectSocket, type ProjectSocket } from "@samovar/client/project-socket";
import type { MessageView, ProjectView, TaskView, ViewerEvent } from "@samovar/contracts";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Installation } from "../tests/harness/installation.ts";
import { hasEnded, type Person } from "../tests/harness/person.ts";

const instance = z.object({ apiToken: z.string() });
/** A socket that is silent for this long may have missed an end. */
const SILENT_MS = 15_000;

/** `onOpen`: called after each connection. Followed sessions are followed across connections, from their first message. */
export async function openSocket(
  here: Installation,
  projectId: ProjectId,
  handlers: { readonly onOpen?: () => void; readonly onEvent: (event: ViewerEvent) => void },
): Promise<ProjectSocket> {
  return openProjectSocket({
    ...SOCKET_PACE,
    dial: dialProject(projectId, async () => {
      const { apiToken } = instance.parse(JSON.parse(await readFile(join(here.dataDir, "instance.json"), "utf8")));
      return { url: here.url, token: apiToken };
    }),
    cursor: () => 0,
    onEvent: handlers.onEvent,
    onAccessEnded: async () => false,
    onState: (state) => {
      if (state === "open") handlers.onOpen?.();
    },
    timers: systemTimers,
    random: systemRandom,
  });
}

export class Viewer {
  readonly #person: Person;
  readonly #project: ProjectView;
  readonly #ended = new Map<TaskId, PromiseWithResolvers<TaskView>>();
  /** Null until the store has the first message of the session's agent. */
  readonly #followed = new Map<SessionId, number | null>();
  readonly #arrived = new Set<SessionId>();
  readonly #opened = Promise.withResolvers<void>();
  #socket: ProjectSocket | null = null;
  #cancelCheck = () => {};
  #checking = false;
  #hasReceived = false;

  private constructor(person: Person, project: ProjectView) {
    this.#person = person;
    this.#project = project;
  }

  /** Resolves once it is connected. */
  static async open(here: Installation, person: Person, project: ProjectView): Promise<Viewer> {
    const viewer = new Viewer(person, project);
    viewer.#socket = await openSocket(here, project.id, {
      onOpen: () => viewer.#onOpen(),
      onEvent: (event) => viewer.#onEvent(event),
    });
    await viewer.#opened.promise;
    viewer.#checkLater();
    return viewer;
  }

  /** Starts following the session's messages; one connection follows at most 32 sessions. */
  follow(sessionId: SessionId): void {
    this.#followed.set(sessionId, null);
    this.#socket?.follow(sessionId);
  }

  /** By the control plane's clock; null when no message of the agent was stored since {@link follow}. */
  firstStoredAt(sessionId: SessionId): number | null {
    return this.#followed.get(sessionId) ?? null;
  }

  /** The task as it ended. */
  ended({ id }: TaskView): Promise<TaskView> {
    return this.#endOf(id).promise;
  }

  close(): void {
    this.#cancelCheck();
    this.#socket?.close();
  }

  #onOpen(): void {
    this.#opened.resolve();
    void this.#check();
  }

  #onEvent(event: ViewerEvent): void {
    if (event.type !== "pong") this.#hasReceived = true;
    if (event.type === "task.updated") this.#learn(event.task);
    else if (event.type === "session.updated") this.#sessionUpdated(event.session.id, event.session.lastMessageAt);
    else if (listMessages(event).some(({ role }) => role === "assistant") && "sessionId" in event)
      this.#arrived.add(event.sessionId);
  }

  /** The session's change follows the messages of its delivery, and has the time at which they were stored. */
  #sessionUpdated(sessionId: SessionId, at: number | null): void {
    if (this.#arrived.has(sessionId) && this.#followed.get(sessionId) === null) this.#followed.set(sessionId, at);
  }

  #learn(task: TaskView): void {
    if (hasEnded(task)) this.#endOf(task.id).resolve(task);
  }

  #endOf(id: TaskId): PromiseWithResolvers<TaskView> {
    const end = this.#ended.get(id) ?? Promise.withResolvers<TaskView>();
    this.#ended.set(id, end);
    return end;
  }

  #checkLater(): void {
    this.#cancelCheck = systemTimers.after(SILENT_MS, () => {
      if (!this.#hasReceived) void this.#check();
      this.#hasReceived = false;
      this.#checkLater();
    });
  }

  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      for (const task of await this.#person.tasks(this.#project)) this.#learn(task);
    } catch {
      // The control plane has not answered for minutes: the next check or the socket will report the end.
    } finally {
      this.#checking = false;
    }
  }
}

function listMessages(event: ViewerEvent): readonly MessageView[] {
  if (event.type === "sync") return event.messages;
  if (event.type === "message.new") return [event.message];
  return event.type === "message.updated" && event.change.mode === "whole" ? [event.change.message] : [];
}
