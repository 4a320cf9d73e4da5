/** The word that a task or session shows. */
import type { SessionView, TaskStatus, TaskView } from "@samovar/contracts";
import type { ShownStatus } from "../../ui/status-mark.tsx";

const RUNNING: ReadonlySet<TaskStatus> = new Set(["queued", "delegated", "in_progress"]);

export const isRunning = (status: TaskStatus): boolean => RUNNING.has(status);

export function shownStatus(task: TaskView): ShownStatus {
  return task.cancelRequested && isRunning(task.status) ? "cancelling" : task.status;
}

/** For an earlier attempt, or a session whose task is not among the loaded ones. */
export function sessionStatusShown(session: SessionView): ShownStatus {
  if (session.status === "error") return "failed";
  if (session.status === "stopped") return "ended";
  return session.taskId === null || session.workspaceId !== null ? "in_progress" : "draft";
}
