/** The word that a task or session shows, and the branch where its work is. */
import type { SessionView, TaskStatus, TaskView, WorkspaceState } from "@samovar/contracts";
import type { ShownStatus } from "../../ui/status-mark.tsx";

const RUNNING: ReadonlySet<TaskStatus> = new Set(["queued", "delegated", "in_progress"]);

/** Neither running nor over: it can still be edited. */
export const isIdle = ({ status }: Pick<TaskView, "status">): boolean => status === "draft" || status === "ready";

export const isRunning = (status: TaskStatus): boolean => RUNNING.has(status);

export function getShownStatus(task: TaskView): ShownStatus {
  return task.cancelRequested && isRunning(task.status) ? "cancelling" : task.status;
}

/** Whether a task that has ended without a pushed branch may have left its work in a workspace. */
export function mayBeRetained(task: TaskView): boolean {
  const ended = task.status === "failed" || task.status === "cancelled";
  return ended && task.workspaceId !== null && (task.output?.branch ?? null) === null;
}

/** Null when there is no such branch anywhere. `workspace` is the state of the task's own; null: not known. */
export function getShownBranch(task: TaskView, workspace: WorkspaceState | null): string | null {
  if (isRunning(task.status)) return task.branch;
  return task.output?.branch ?? (mayBeRetained(task) && workspace === "retained" ? task.branch : null);
}

/** For an earlier attempt, or a session whose task is not among the loaded ones. */
export function getSessionStatus(session: SessionView): ShownStatus {
  if (session.status === "error") return "failed";
  if (session.status === "stopped") return "ended";
  return session.taskId === null || session.workspaceId !== null ? "in_progress" : "draft";
}
