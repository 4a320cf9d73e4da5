/** A person at the API who does not give up: what fails because a part is being killed is asked again until it is answered. */
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import {
  type CreateTask,
  type MessageView,
  messageView,
  type NodeView,
  nodeView,
  page,
  type ProjectView,
  projectView,
  type SessionView,
  sessionView,
  type TaskEvent,
  taskEvent,
  taskView,
  type TaskView,
  type WorkspaceView,
  workspaceView,
} from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { coreShare, PATIENCE_MS, waitPatiently } from "@samovar/testing";
import * as z from "zod";
import { type ApiCall, ApiRefusal, type Installation } from "./installation.ts";

const AGAIN_MS = 50;
const LOOK_EVERY_MS = 150;
/** A list of many tasks is dear enough to slow them. */
const LOOK_AT_ALL_EVERY_MS = 500;
/** What parts that are killed take to answer again. */
const ANSWER_PATIENCE_MS = 60_000;

export class Person {
  readonly #here: () => Installation;

  /** `here`: the installation as it is now; tests start it again in the middle. */
  constructor(here: () => Installation) {
    this.#here = here;
  }

  /** Throws {@link ApiRefusal} when the answer is no. */
  async ask(path: string, init?: ApiCall): Promise<unknown> {
    for (const until = Date.now() + ANSWER_PATIENCE_MS; ; await setTimeout(AGAIN_MS)) {
      try {
        return await this.#here().api(path, init);
      } catch (error) {
        const isAnswer = error instanceof ApiRefusal && error.status < 500 && error.status !== 429;
        if (isAnswer || Date.now() > until) throw error;
      }
    }
  }

  async makeProject(repoUrl: string, name = "tea"): Promise<ProjectView> {
    return projectView.parse(await this.ask("/api/projects", { method: "POST", body: { name, repoUrl } }));
  }

  /** Exactly one task, however often it has to be asked for. */
  async submit(project: ProjectView, task: CreateTask): Promise<TaskView> {
    const headers = { "idempotency-key": randomUUID() };
    return taskView.parse(await this.ask(`/api/projects/${project.id}/tasks`, { method: "POST", body: task, headers }));
  }

  async tell(task: TaskView, verb: "run" | "cancel" | "retry"): Promise<TaskView> {
    return taskView.parse(await this.ask(`${pathOf(task)}/${verb}`, { method: "POST", body: {} }));
  }

  async task(task: TaskView): Promise<TaskView> {
    return taskView.parse(await this.ask(pathOf(task)));
  }

  async tasks(project: ProjectView): Promise<TaskView[]> {
    return this.#all(`/api/projects/${project.id}/tasks`, taskView);
  }

  /** Waits until it is so, for as long as the task comes on. Throws with how it stood when there was no news any more. */
  async until(task: TaskView, wanted: (now: TaskView) => boolean, patienceMs = PATIENCE_MS): Promise<TaskView> {
    return waitPatiently(
      async () => {
        const now = await this.task(task);
        if (!wanted(now)) throw new Error(await this.#progressOf(now));
        return now;
      },
      coreShare,
      { timeout: patienceMs, interval: LOOK_EVERY_MS },
    );
  }

  /** All of them once they have ended. Throws with those that have not when none of them comes on any more. */
  async ended(project: ProjectView, tasks: readonly TaskView[], patienceMs = PATIENCE_MS): Promise<TaskView[]> {
    const wanted = new Set(tasks.map(({ id }) => id));
    return waitPatiently(
      async () => {
        const now = (await this.tasks(project)).filter(({ id }) => wanted.has(id));
        const open = now.filter((task) => !hasEnded(task));
        if (open.length > 0) throw new Error(open.map(standOf).join("; "));
        return now;
      },
      coreShare,
      { timeout: patienceMs, interval: LOOK_AT_ALL_EVERY_MS },
    );
  }

  /** Where a task stands; changes as long as it comes on. */
  async #progressOf(task: TaskView): Promise<string> {
    const { messageCount } = await this.session(task);
    return `${standOf(task)}, ${messageCount} messages`;
  }

  async events(task: TaskView): Promise<TaskEvent[]> {
    return this.#all(`${pathOf(task)}/events`, taskEvent);
  }

  async session(task: TaskView): Promise<SessionView> {
    return sessionView.parse(await this.ask(`/api/projects/${task.projectId}/sessions/${task.sessionId}`));
  }

  /** The transcript's first 200 messages. */
  async messages(task: TaskView): Promise<MessageView[]> {
    const path = `/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`;
    return z.object({ messages: z.array(messageView) }).parse(await this.ask(path)).messages;
  }

  async nodes(): Promise<NodeView[]> {
    return this.#all("/api/nodes", nodeView);
  }

  async workspaces(): Promise<WorkspaceView[]> {
    return this.#all("/api/workspaces", workspaceView);
  }

  async #all<T>(path: string, item: z.ZodType<T>): Promise<T[]> {
    const found: T[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const { items, nextCursor } = page(item).parse(await this.ask(`${path}?limit=100${cursor}`));
      found.push(...items);
      cursor = nextCursor === null ? null : `&cursor=${encodeURIComponent(nextCursor)}`;
    }
    return found;
  }
}

export const hasEnded = ({ status }: Pick<TaskView, "status">): boolean => isTerminal(status);

const standOf = ({ id, status, waiting, updatedAt }: TaskView) =>
  `${id} is ${status}${waiting === null ? "" : ` (${waiting.message})`} since ${new Date(updatedAt).toISOString()}`;

const pathOf = (task: TaskView) => `/api/projects/${task.projectId}/tasks/${task.id}`;
