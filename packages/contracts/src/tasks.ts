/** Tasks: a unit of work with a status, its events and its outputs. */
import * as z from "zod";
import { agentKind } from "./agents.ts";
import { spendingLimit, taskSpending } from "./budget.ts";
import { failure } from "./errors.ts";
import { millis, nodeId, projectId, runId, sessionId, taskId, workspaceId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { branchName, vmSize } from "./projects.ts";

export const TASK_STATUSES = [
  "draft",
  "ready",
  "queued",
  "delegated",
  "in_progress",
  "completed",
  "failed",
  "cancelled",
] as const;
export const taskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof taskStatus>;

export const TERMINAL_STATUSES = ["completed", "failed", "cancelled"] as const satisfies readonly TaskStatus[];
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

/** 0 none, 1 urgent … 4 low. */
export const priority = z.number().int().min(0).max(4);

export const diffStat = z.object({
  files: z.number().int().nonnegative(),
  insertions: z.number().int().nonnegative(),
  deletions: z.number().int().nonnegative(),
});
export type DiffStat = z.infer<typeof diffStat>;

export const commitView = z.object({ sha: z.string(), subject: z.string() });
export type CommitView = z.infer<typeof commitView>;

/** Model usage as the agent reported it; unreported fields are absent. */
export const usage = z.object({
  inputTokens: z.number().nonnegative().optional(),
  outputTokens: z.number().nonnegative().optional(),
  /** Input read from the model's cache, where it is reported separately. */
  cachedTokens: z.number().nonnegative().optional(),
  contextUsed: z.number().nonnegative().optional(),
  contextSize: z.number().nonnegative().optional(),
  cost: z.object({ amount: z.number(), currency: z.string() }).optional(),
});
export type Usage = z.infer<typeof usage>;

/** The digest that shows whether the stored transcript is the one that the agent emitted. */
export const transcriptDigestView = z.object({
  /** Messages finished on the node. */
  count: z.number().int().nonnegative(),
  /** SHA-256 (hex) over them; see `digestTranscript` in the domain. */
  digest: z.string(),
});
export type TranscriptDigest = z.infer<typeof transcriptDigestView>;

export const transcriptVerification = z.object({
  agreed: z.boolean(),
  claimed: transcriptDigestView,
  stored: transcriptDigestView,
});
export type TranscriptVerification = z.infer<typeof transcriptVerification>;

/** A git bundle of the commits that could not be pushed, kept with the session. */
export const bundleView = z.object({ bytes: z.number().int().positive(), sha256: z.string() });
export type BundleView = z.infer<typeof bundleView>;

/** The steps of a run, in order, as the start-up timeline shows them. `wait`: in the queue, or for other tasks. */
export const RUN_STEPS = ["wait", "choose", "prepare", "start", "work", "finish"] as const;
export const runStep = z.enum(RUN_STEPS);
export type RunStep = z.infer<typeof runStep>;

export const taskOutput = z.object({
  branch: z.string().nullable(),
  commits: z.array(commitView),
  diffStat: diffStat.nullable(),
  summary: z.string().nullable(),
  pullRequestUrl: z.string().nullable(),
  warning: z.string().nullable(),
  usage: usage.nullable(),
  /** ACP's stop reason, or Samovar's; null when there was none. */
  stopReason: z.string().nullable(),
  /** How often the agent was started again after it had died. */
  restarts: z.number().int().nonnegative(),
  /** How many secrets were redacted in the transcript and the failure; absent where it was not counted. */
  redactions: z.number().int().nonnegative().optional(),
  /** The commits that could not be pushed; fetched by `GET …/tasks/:t/bundle`. */
  bundle: bundleView.nullable(),
  /** Milliseconds that each step of the run took. */
  durations: z.partialRecord(runStep, z.number().int().nonnegative()),
  transcript: transcriptVerification.nullable(),
});
export type TaskOutput = z.infer<typeof taskOutput>;

/** Why a queued task does not run yet. */
export const taskWaiting = z.object({
  /** `capacity`: for an available slot; `dependencies`: for other tasks; `dependency_failed`: for a task that needs a person first; `budget`: for the next day, or a higher limit. */
  code: z.enum(["capacity", "dependencies", "dependency_failed", "budget"]),
  /** For a person. */
  message: z.string(),
  since: millis,
  /** Tasks ahead in the queue. */
  ahead: z.number().int().nonnegative(),
  /** The tasks that it waits for, or the next ones ahead in the queue; at most 20. */
  taskIds: z.array(taskId),
});
export type TaskWaiting = z.infer<typeof taskWaiting>;

/** A model or permission mode that the agent offers; null for the agent's default. */
const agentsChoice = z.string().trim().min(1).max(200).nullable();
export const MAX_DEPENDENCIES = 20;

export const taskView = z.object({
  id: taskId,
  projectId,
  sessionId,
  title: z.string(),
  description: z.string(),
  status: taskStatus,
  priority,
  vmSize: vmSize.nullable(),
  agent: agentKind.nullable(),
  model: agentsChoice,
  permissionMode: agentsChoice,
  baseBranch: z.string().nullable(),
  /** Its own limit on spending; null: that of its project or installation. */
  budget: spendingLimit.nullable().default(null),
  /** What its model calls have cost, as the gateways counted it; absent from earlier control planes. */
  spending: taskSpending.nullable().default(null),
  /** Tasks of the same project that must be completed first. */
  dependsOn: z.array(taskId),
  /** Null unless it is queued and waits. */
  waiting: taskWaiting.nullable(),
  runId: runId.nullable(),
  nodeId: nodeId.nullable(),
  workspaceId: workspaceId.nullable(),
  branch: z.string().nullable(),
  output: taskOutput.nullable(),
  failure: failure.nullable(),
  cancelRequested: z.boolean(),
  /** A failed task that needs no more attention. */
  acknowledged: z.boolean(),
  attempt: z.number().int().nonnegative(),
  version: z.number().int().positive(),
  createdAt: millis,
  updatedAt: millis,
  startedAt: millis.nullable(),
  endedAt: millis.nullable(),
});
export type TaskView = z.infer<typeof taskView>;

export const createTask = z.object({
  description: z
    .string()
    .trim()
    .min(1, "describe the task")
    .max(
      LIMITS.taskDescriptionMaxChars,
      `a task's text may have ${LIMITS.taskDescriptionMaxChars} characters at most; put the rest in a file in the repository`,
    ),
  /** Derived from the description when absent. */
  title: z.string().trim().min(1).max(LIMITS.taskTitleMaxChars).optional(),
  /** True: run now. False: keep it as a draft. */
  run: z.boolean().default(false),
  priority: priority.default(0),
  vmSize: vmSize.nullable().optional(),
  agent: agentKind.nullable().optional(),
  model: agentsChoice.optional(),
  permissionMode: agentsChoice.optional(),
  baseBranch: branchName.nullable().optional(),
  budget: spendingLimit.nullable().optional(),
  dependsOn: z.array(taskId).max(MAX_DEPENDENCIES).optional(),
});
export type CreateTask = z.input<typeof createTask>;

export const patchTask = z.object({
  description: createTask.shape.description.optional(),
  title: createTask.shape.title,
  status: z.enum(["draft", "ready"]).optional(),
  priority: priority.optional(),
  vmSize: vmSize.nullable().optional(),
  agent: agentKind.nullable().optional(),
  model: agentsChoice.optional(),
  permissionMode: agentsChoice.optional(),
  baseBranch: branchName.nullable().optional(),
  budget: spendingLimit.nullable().optional(),
  dependsOn: z.array(taskId).max(MAX_DEPENDENCIES).optional(),
});
export type PatchTask = z.infer<typeof patchTask>;

export const taskEventKind = z.enum([
  "task.created",
  "task.edited",
  "status.changed",
  "cancel.requested",
  "attention.changed",
  "step.started",
  "step.finished",
  "node.chosen",
  "workspace.prepared",
  "output.recorded",
  "warning.raised",
]);

export const taskEvent = z.object({
  seq: z.number().int().positive(),
  at: millis,
  /** `user:usr_…`, `run:run_…` or `sweep`. */
  actor: z.string(),
  kind: taskEventKind,
  /** `status.changed`: { from, to, reason }; `step.*`: { step, runId }; `attention.changed`: { acknowledged }; … */
  data: z.record(z.string(), z.unknown()),
});
export type TaskEvent = z.infer<typeof taskEvent>;
