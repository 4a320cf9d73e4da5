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
import { anything, api } from "./client.ts";

export interface ProjectDraft {
  readonly name: string;
  readonly repoUrl: string;
}

export const createProject = (draft: ProjectDraft, idempotencyKey: string): Promise<ProjectView> =>
  api.call("POST /api/projects", projectView, { body: draft, idempotencyKey });

export const patchProject = (projectId: ProjectId, patch: PatchProject): Promise<ProjectView> =>
  api.call("PATCH /api/projects/{projectId}", projectView, { projectId, body: patch });

/** Repeatable: a host is listed once. */
export const allowEgressHost = (projectId: ProjectId, host: string): Promise<ProjectView> =>
  api.call("POST /api/projects/{projectId}/egress/hosts", projectView, { projectId, body: { host } });

/** The same key again makes no second task. */
export const createTask = (projectId: ProjectId, task: CreateTask, idempotencyKey: string): Promise<TaskView> =>
  api.call("POST /api/projects/{projectId}/tasks", taskView, { projectId, body: task, idempotencyKey });

/** `acknowledge` acknowledges a failed task; `unacknowledge` reverts that. */
export type TaskAction = "run" | "cancel" | "retry" | "acknowledge" | "unacknowledge";

export const actOnTask = (projectId: ProjectId, taskId: TaskId, action: TaskAction): Promise<TaskView> =>
  api.call(`POST /api/projects/{projectId}/tasks/{taskId}/${action}`, taskView, { projectId, taskId });

/** Everything of a task that hasn't run yet; of a queued task, its priority and dependencies. */
export const editTask = (projectId: ProjectId, taskId: TaskId, patch: PatchTask): Promise<TaskView> =>
  api.call("PATCH /api/projects/{projectId}/tasks/{taskId}", taskView, { projectId, taskId, body: patch });

/** Only one that has never run can be deleted. */
export const deleteTask = (projectId: ProjectId, taskId: TaskId): Promise<unknown> =>
  api.call("DELETE /api/projects/{projectId}/tasks/{taskId}", anything, { projectId, taskId });

/** Turns the one-time token of a sign-in link into a cookie. */
export const redeemLink = (token: string): Promise<unknown> =>
  api.call("POST /api/identity/redeem", anything, { body: { token } });

export const signOut = (): Promise<unknown> => api.call("POST /api/identity/sign-out", anything);
