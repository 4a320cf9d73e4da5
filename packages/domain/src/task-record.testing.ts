/** The task that tests start with: an unchanged draft. */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import type { TaskRecord } from "./task-status.ts";

export const A_DRAFT: TaskRecord = {
  id: "tsk_1" as TaskId,
  projectId: "prj_1" as ProjectId,
  sessionId: "ses_0" as SessionId,
  promptMessageId: "msg_1" as TaskRecord["promptMessageId"],
  title: "A task",
  description: "Do it",
  status: "draft",
  priority: 0,
  vmSize: null,
  agent: null,
  model: null,
  permissionMode: null,
  dependsOn: [],
  baseBranch: null,
  runId: null,
  nodeId: null,
  workspaceId: null,
  branch: null,
  output: null,
  failure: null,
  cancelRequested: false,
  acknowledged: false,
  attempt: 0,
  version: 1,
  createdAt: 1,
  updatedAt: 1,
  startedAt: null,
  endedAt: null,
};
