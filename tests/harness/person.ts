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
import * as z from "zod";
import { type ApiCall, ApiRefusal, type Installation } from "./installation.ts";

const AGAIN_MS = 50;
const LOOK_EVERY_MS = 150;
const PATIENCE_MS = 120_000;

export class Person {
  readonly #here: () => Installation;

  /** `here`: the installation as it is now; tests start it again in the middle. */
  constructor(here: () => Installation) {
    this.#here = here;
  }

  /** Throws {@link ApiRefusal} when the answer is no. */
  async ask(path: string, init?: ApiCall): Promise<unknown> {
    for (const until = Date.now() + PATIENCE_MS; ; await setTimeout(AGAIN_MS)) {
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

  /** Looks until it is so. Throws with how the task stood when the patience ended. */
  async until(task: TaskView, wanted: (now: TaskView) => boolean, patienceMs = PATIENCE_MS): Promise<TaskView> {
    for (const until = Date.now() + patienceMs; ; await setTimeout(LOOK_EVERY_MS)) {
      const now = await this.task(task);
      if (wanted(now)) return now;
      if (Date.now() > until) throw new Error(`${now.id} is ${now.status} after ${patienceMs} ms`);
    }
  }

  /** All of them once they have ended; those that have not by then are as they stand. */
  async ended(project: ProjectView, tasks: readonly TaskView[], patienceMs: number): Promise<TaskView[]> {
    const wanted = new Set(tasks.map(({ id }) => id));
    for (const until = Date.now() + patienceMs; ; await setTimeout(LOOK_EVERY_MS)) {
      const now = (await this.tasks(project)).filter(({ id }) => wanted.has(id));
      if (now.every(hasEnded) || Date.now() > until) return now;
    }
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

const pathOf = (task: TaskView) => `/api/projects/${task.projectId}/tasks/${task.id}`;
