/** What the page asks the control plane to do. */
import type { ProjectId, TaskId } from "@samovar/base";
import {
  projectView,
  taskView,
  type CreateTask,
  type PatchProject,
  type PatchTask,
  type ProjectView,
  type TaskView,
} from "@samovar/contracts";
import { anything, call } from "./client.ts";

export interface ProjectDraft {
  readonly name: string;
  readonly repoUrl: string;
}

export const createProject = (draft: ProjectDraft, idempotencyKey: string): Promise<ProjectView> =>
  call("/projects", projectView, { method: "POST", body: draft, idempotencyKey });

export const patchProject = (project: ProjectId, patch: PatchProject): Promise<ProjectView> =>
  call(`/projects/${project}`, projectView, { method: "PATCH", body: patch });

/** Repeatable: a host is listed once. */
export const allowEgressHost = (project: ProjectId, host: string): Promise<ProjectView> =>
  call(`/projects/${project}/egress/hosts`, projectView, { method: "POST", body: { host } });

/** The same key again makes no second task. */
export const createTask = (project: ProjectId, task: CreateTask, idempotencyKey: string): Promise<TaskView> =>
  call(`/projects/${project}/tasks`, taskView, { method: "POST", body: task, idempotencyKey });

/** `acknowledge` acknowledges a failed task; `unacknowledge` reverts that. */
export type TaskAction = "run" | "cancel" | "retry" | "acknowledge" | "unacknowledge";

export const actOnTask = (project: ProjectId, task: TaskId, action: TaskAction): Promise<TaskView> =>
  call(`/projects/${project}/tasks/${task}/${action}`, taskView, {
    method: "POST",
    idempotencyKey: crypto.randomUUID(),
  });

/** Everything of a task that hasn't run yet; of a queued task, its priority and dependencies. */
export const editTask = (project: ProjectId, task: TaskId, patch: PatchTask): Promise<TaskView> =>
  call(`/projects/${project}/tasks/${task}`, taskView, { method: "PATCH", body: patch });

/** Only one that has never run can be deleted. */
export const deleteTask = (project: ProjectId, task: TaskId): Promise<unknown> =>
  call(`/projects/${project}/tasks/${task}`, anything, { method: "DELETE" });

/** Turns the one-time token of a sign-in link into a cookie. */
export const redeemLink = (token: string): Promise<unknown> =>
  call("/identity/redeem", anything, { method: "POST", body: { token } });

export const signOut = (): Promise<unknown> => call("/identity/sign-out", anything, { method: "POST" });
