/** The task that tests start with: an unchanged draft. */
import type { ProjectId, SessionId, TaskId } from "@samovar/base";
import { idSource } from "@samovar/base";
import type { TaskOutput } from "@samovar/contracts";
import type { TaskRecord } from "./task-status.ts";

/** Ids that differ from each other and are the same in each run. */
export function countingIds(): ReturnType<typeof idSource> {
  let byte = 0;
  return idSource({ now: () => 1 }, { next: () => 0, bytes: (length) => new Uint8Array(length).fill(++byte) });
}

/** The output of a run that made no commit. */
export function anOutput(fields: Partial<TaskOutput> = {}): TaskOutput {
  return {
    branch: "task/1",
    commits: [],
    diffStat: null,
    summary: null,
    pullRequestUrl: null,
    warning: null,
    usage: null,
    stopReason: "end_turn",
    restarts: 0,
    bundle: null,
    durations: {},
    transcript: null,
    ...fields,
  };
}

/** A task as it is created: a draft. */

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
  budget: null,
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
