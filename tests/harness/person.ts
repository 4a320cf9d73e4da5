/** A person at the API who retries every request that fails because a part is being killed. */
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
import { getCoreShare, WAIT_TIMEOUT_MS, waitFor } from "@samovar/testing";
import * as z from "zod";
import { type ApiCall, ApiRefusal, type Installation } from "./installation.ts";

const RETRY_MS = 50;
const POLL_MS = 150;
/** A list of many tasks is dear enough to slow them. */
const LOOK_AT_ALL_EVERY_MS = 500;
/** How long killed parts may take to answer again. */
const ANSWER_TIMEOUT_MS = 60_000;

export class Person {
  readonly #here: () => Installation;

  /** `here`: returns the present installation, which tests may restart. */
  constructor(here: () => Installation) {
    this.#here = here;
  }

  /** Throws {@link ApiRefusal} when the request is refused. */
  async ask(path: string, init?: ApiCall): Promise<unknown> {
    for (const until = Date.now() + ANSWER_TIMEOUT_MS; ; await setTimeout(RETRY_MS)) {
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

  /** Submits exactly one task, however often the request is retried. */
  async submit(project: ProjectView, task: CreateTask): Promise<TaskView> {
    const headers = { "idempotency-key": randomUUID() };
    return taskView.parse(await this.ask(`/api/projects/${project.id}/tasks`, { method: "POST", body: task, headers }));
  }

  async act(task: TaskView, verb: "run" | "cancel" | "retry"): Promise<TaskView> {
    return taskView.parse(await this.ask(`${toPath(task)}/${verb}`, { method: "POST", body: {} }));
  }

  async task(task: TaskView): Promise<TaskView> {
    return taskView.parse(await this.ask(toPath(task)));
  }

  async tasks(project: ProjectView): Promise<TaskView[]> {
    return this.#all(`/api/projects/${project.id}/tasks`, taskView);
  }

  /** Waits while the task makes progress. Throws with its last state when the progress stops. */
  async until(task: TaskView, wanted: (now: TaskView) => boolean, timeoutMs = WAIT_TIMEOUT_MS): Promise<TaskView> {
    return waitFor(
      async () => {
        const now = await this.task(task);
        if (!wanted(now)) throw new Error(await this.#describeProgress(now));
        return now;
      },
      getCoreShare,
      { timeout: timeoutMs, interval: POLL_MS },
    );
  }

  /** Waits until all have ended. Throws with the unfinished ones when none of them makes progress. */
  async ended(project: ProjectView, tasks: readonly TaskView[], timeoutMs = WAIT_TIMEOUT_MS): Promise<TaskView[]> {
    const wanted = new Set(tasks.map(({ id }) => id));
    return waitFor(
      async () => {
        const now = (await this.tasks(project)).filter(({ id }) => wanted.has(id));
        const open = now.filter((task) => !hasEnded(task));
        if (open.length > 0) throw new Error(open.map(describeTask).join("; "));
        return now;
      },
      getCoreShare,
      { timeout: timeoutMs, interval: LOOK_AT_ALL_EVERY_MS },
    );
  }

  /** Describes a task's progress; changes as long as it makes progress. */
  async #describeProgress(task: TaskView): Promise<string> {
    const { messageCount } = await this.session(task);
    return `${describeTask(task)}, ${messageCount} messages`;
  }

  async events(task: TaskView): Promise<TaskEvent[]> {
    return this.#all(`${toPath(task)}/events`, taskEvent);
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

const describeTask = ({ id, status, waiting, updatedAt }: TaskView) =>
  `${id} is ${status}${waiting === null ? "" : ` (${waiting.message})`} since ${new Date(updatedAt).toISOString()}`;

const toPath = (task: TaskView) => `/api/projects/${task.projectId}/tasks/${task.id}`;
