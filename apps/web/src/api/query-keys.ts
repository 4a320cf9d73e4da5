/** The names of cached answers. */
import type { ProjectId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type { AgentKind, SessionStatus } from "@samovar/contracts";

export interface SessionFilter {
  /** A part of the topic. */
  readonly q?: string;
  readonly status?: SessionStatus;
}

export const meKey = ["me"] as const;
export const agentsKey = ["agents"] as const;
export const agentKey = (kind: AgentKind) => ["agents", kind] as const;
export const credentialsKey = ["credentials"] as const;
export const apiTokensKey = ["api tokens"] as const;
export const signInSessionsKey = ["sign-in sessions"] as const;
export const auditLogKey = ["audit log"] as const;
export const deviceLoginKey = (userCode: string) => ["device login", userCode] as const;
export const settingsKey = ["settings"] as const;
export const nodesKey = ["nodes"] as const;
export const nodeWorkKey = ["nodes", "work"] as const;
export const failedNodesKey = ["nodes", "lost"] as const;
export const poolHistoryKey = ["nodes", "history"] as const;
export const spendingKey = (since: number) => ["nodes", "spending", since] as const;
export const budgetKey = ["budget"] as const;
export const pricesKey = ["budget", "prices"] as const;
export const sizesKey = ["sizes"] as const;
export const workspacesKey = ["workspaces"] as const;
export const projectsKey = ["projects"] as const;
export const allProjectsKey = ["projects", "all"] as const;
export const projectKey = (project: ProjectId) => ["project", project] as const;
export const projectBudgetKey = (project: ProjectId) => ["project", project, "budget"] as const;
export const sessionsKey = (project: ProjectId) => ["project", project, "sessions"] as const;
/** The list as a search or a filter leaves it. */
export const foundSessionsKey = (project: ProjectId, filter: SessionFilter) =>
  ["project", project, "found sessions", filter] as const;
export const foundMessagesKey = (project: ProjectId, words: string) =>
  ["project", project, "found messages", words] as const;
export const sessionKey = (project: ProjectId, session: SessionId) => ["project", project, "session", session] as const;
export const tasksKey = (project: ProjectId) => ["project", project, "tasks"] as const;
/** The tasks as the board shows them: all that are open, and of those that ended the newest. */
export const boardKey = (project: ProjectId) => ["project", project, "board"] as const;
export const taskKey = (project: ProjectId, task: TaskId) => ["project", project, "task", task] as const;
export const taskEventsKey = (project: ProjectId, task: TaskId) =>
  ["project", project, "task", task, "events"] as const;
export const workspaceKey = (workspace: WorkspaceId | null) => ["workspace", workspace] as const;
export const workspaceChangesKey = (workspace: WorkspaceId) => ["workspace", workspace, "look"] as const;
