/**
 * A task's status: which change is legal from which status, and who may make it. Every change is idempotent: made again,
 * it changes nothing, so a caller who lost the answer may repeat it. Keeps T1.
 */
import { err, ok } from "@samovar/base";
import type { MessageId, Millis, NodeId, Result, RunId, SessionId, UserId, WorkspaceId } from "@samovar/base";
import type { TerminalStatus } from "@samovar/contracts";
import { TERMINAL_STATUSES } from "@samovar/contracts";
import type { Failure, TaskEvent, TaskOutput, TaskStatus, TaskView } from "@samovar/contracts";

/** A stored task: what people see except its queue position and spending, plus the session's message that holds its text. */
export interface TaskRecord extends Omit<TaskView, "waiting" | "spending"> {
  readonly promptMessageId: MessageId;
}

export type TaskActor =
  | { readonly kind: "user"; readonly id: UserId }
  | { readonly kind: "run"; readonly id: RunId }
  | { readonly kind: "sweep" };

const EDITABLE = [
  "title",
  "description",
  "priority",
  "vmSize",
  "agent",
  "model",
  "permissionMode",
  "baseBranch",
  "budget",
  "dependsOn",
] as const satisfies readonly (keyof TaskRecord)[];
type Editable = Pick<TaskRecord, (typeof EDITABLE)[number]>;

export type TaskChange =
  | { readonly kind: "edit"; readonly fields: Partial<Editable>; readonly status?: "draft" | "ready" | undefined }
  | { readonly kind: "queue"; readonly runId: RunId }
  /** Another attempt, with a new session, because a transcript digest covers one attempt. */
  | {
      readonly kind: "retry";
      readonly runId: RunId;
      readonly sessionId: SessionId;
      readonly promptMessageId: MessageId;
    }
  | { readonly kind: "cancel"; readonly reason: string }
  /** False: the failure needs attention again. */
  | { readonly kind: "acknowledge"; readonly acknowledged: boolean }
  | { readonly kind: "delegate"; readonly nodeId: NodeId; readonly workspaceId: WorkspaceId }
  /** Its node was lost before the agent had the prompt: the run looks for another. */
  | { readonly kind: "requeue"; readonly reason: string }
  | { readonly kind: "name_branch"; readonly branch: string }
  | { readonly kind: "start" }
  | { readonly kind: "complete"; readonly output: TaskOutput }
  | { readonly kind: "fail"; readonly failure: Failure; readonly output: TaskOutput | null }
  | { readonly kind: "stop"; readonly failure: Failure; readonly output: TaskOutput | null };

export type TaskChangeKind = TaskChange["kind"];

export interface TaskRefusal {
  /** `not_yours`: not allowed for this actor; `stale_run`: another run has the task now; `wrong_status`: not from this status. */
  readonly code: "not_yours" | "stale_run" | "wrong_status";
  readonly message: string;
}

export type TaskEventDraft = Pick<TaskEvent, "kind" | "data">;

export interface TaskChanged {
  /** The same object when nothing changed; else its version is one higher. */
  readonly task: TaskRecord;
  readonly changed: boolean;
  readonly events: readonly TaskEventDraft[];
}

const IDLE = ["draft", "ready"] as const satisfies readonly TaskStatus[];
const RUNNING = ["queued", "delegated", "in_progress"] as const satisfies readonly TaskStatus[];

interface Rule {
  readonly actors: readonly TaskActor["kind"][];
  readonly from: readonly TaskStatus[];
}

const RULES: Record<TaskChangeKind, Rule> = {
  edit: { actors: ["user"], from: IDLE },
  queue: { actors: ["user"], from: IDLE },
  retry: { actors: ["user"], from: ["failed", "cancelled"] },
  cancel: { actors: ["user"], from: [...IDLE, ...RUNNING] },
  acknowledge: { actors: ["user"], from: ["failed"] },
  delegate: { actors: ["run"], from: ["queued"] },
  requeue: { actors: ["run"], from: ["delegated"] },
  name_branch: { actors: ["run"], from: ["delegated", "in_progress"] },
  start: { actors: ["run"], from: ["delegated"] },
  complete: { actors: ["run"], from: ["in_progress"] },
  fail: { actors: ["run", "sweep"], from: RUNNING },
  stop: { actors: ["run"], from: RUNNING },
};

/** Whether a task with this status has ended. */
export function isTerminal(status: string): status is TerminalStatus {
  return TERMINAL_STATUSES.some((terminal) => terminal === status);
}

/** Whether a run has the task, or should. */
export function isRunning(status: TaskStatus): boolean {
  return RUNNING.some((running) => running === status);
}

export function formatActor(actor: TaskActor): string {
  return actor.kind === "sweep" ? "sweep" : `${actor.kind}:${actor.id}`;
}

/** Decides a change. Neither input is altered. */
export function changeTask(
  task: TaskRecord,
  change: TaskChange,
  actor: TaskActor,
  now: Millis,
): Result<TaskChanged, TaskRefusal> {
  const rule = RULES[change.kind];
  if (!rule.actors.includes(actor.kind)) {
    return err({ code: "not_yours", message: `A ${actor.kind} may not ${change.kind} a task.` });
  }
  if (actor.kind === "run" && task.runId !== actor.id) {
    return err({ code: "stale_run", message: "Another run has this task now." });
  }
  if (isDone(task, change)) return ok({ task, changed: false, events: [] });
  if (!rule.from.includes(task.status) && !isQueuedEdit(task, change) && !isBudgetEdit(task, change)) {
    return err({ code: "wrong_status", message: wrongStatus(task.status, change.kind) });
  }
  const { fields, events } = toEffect(task, change, now);
  const next = { ...task, ...fields, version: task.version + 1, updatedAt: now };
  return ok({ task: next, changed: true, events });
}

/** Whether the task is already as the change would leave it. */
function isDone(task: TaskRecord, change: TaskChange): boolean {
  switch (change.kind) {
    case "edit":
      return (
        (change.status === undefined || change.status === task.status) &&
        EDITABLE.every((key) => change.fields[key] === undefined || isSame(change.fields[key], task[key]))
      );
    case "queue":
    case "retry":
      return task.runId === change.runId;
    case "cancel":
      return task.status === "cancelled" || (task.cancelRequested && isRunning(task.status));
    case "acknowledge":
      return task.status === "failed" && task.acknowledged === change.acknowledged;
    case "delegate":
      return task.status !== "queued" && !isTerminal(task.status) && task.workspaceId === change.workspaceId;
    case "requeue":
      return task.status === "queued";
    case "name_branch":
      return task.branch === change.branch;
    case "start":
      return task.status === "in_progress";
    case "complete":
      return task.status === "completed";
    case "fail":
      return task.status === "failed";
    case "stop":
      return task.status === "cancelled";
  }
}

/** A queued task's priority and limit may change, and dependencies may be removed. */
function isQueuedEdit(task: TaskRecord, change: TaskChange): boolean {
  if (change.kind !== "edit" || task.status !== "queued" || change.status !== undefined) return false;
  const { priority: _priority, budget: _budget, dependsOn, ...rest } = change.fields;
  const changesNoMore = Object.values(rest).every((value) => value === undefined);
  return changesNoMore && (dependsOn ?? []).every((id) => task.dependsOn.includes(id));
}

/** A limit may change whenever no session has it, so that a task that reached it can be retried. */
function isBudgetEdit(task: TaskRecord, change: TaskChange): boolean {
  if (change.kind !== "edit" || change.status !== undefined) return false;
  const { budget: _budget, ...rest } = change.fields;
  const changesNoMore = Object.values(rest).every((value) => value === undefined);
  return changesNoMore && (task.status === "failed" || task.status === "cancelled");
}

/** Values of a task's fields: text, numbers, and lists of ids. */
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

interface Effect {
  readonly fields: Partial<TaskRecord>;
  readonly events: readonly TaskEventDraft[];
}

function toEffect(task: TaskRecord, change: TaskChange, now: Millis): Effect {
  switch (change.kind) {
    case "edit":
      return edited(task, change.fields, change.status);
    case "queue":
      return moved(task, "queued", null, { runId: change.runId, attempt: task.attempt + 1 });
    case "retry": {
      const { runId, sessionId, promptMessageId } = change;
      return moved(task, "queued", null, {
        ...FRESH_ATTEMPT,
        runId,
        sessionId,
        promptMessageId,
        attempt: task.attempt + 1,
      });
    }
    case "cancel":
      if (isRunning(task.status)) {
        return {
          fields: { cancelRequested: true },
          events: [{ kind: "cancel.requested", data: { reason: change.reason } }],
        };
      }
      return moved(task, "cancelled", change.reason, { endedAt: now });
    case "acknowledge": {
      const { acknowledged } = change;
      return { fields: { acknowledged }, events: [{ kind: "attention.changed", data: { acknowledged } }] };
    }
    case "delegate":
      return moved(task, "delegated", null, { nodeId: change.nodeId, workspaceId: change.workspaceId });
    case "requeue":
      return moved(task, "queued", change.reason, { nodeId: null, workspaceId: null, branch: null });
    case "name_branch":
      return {
        fields: { branch: change.branch },
        events: [{ kind: "workspace.prepared", data: { branch: change.branch } }],
      };
    case "start":
      return moved(task, "in_progress", null, { startedAt: now });
    case "complete":
      return ended(task, "completed", null, change.output, now);
    case "fail":
      return ended(task, "failed", change.failure, change.output, now);
    case "stop":
      return ended(task, "cancelled", change.failure, change.output, now);
  }
}

/** The fields that an attempt sets, reset for the next one. */
const FRESH_ATTEMPT = {
  nodeId: null,
  workspaceId: null,
  branch: null,
  output: null,
  failure: null,
  cancelRequested: false,
  acknowledged: false,
  startedAt: null,
  endedAt: null,
} as const satisfies Partial<TaskRecord>;

function edited(task: TaskRecord, fields: Partial<Editable>, status: "draft" | "ready" | undefined): Effect {
  const names = EDITABLE.filter((key) => fields[key] !== undefined);
  const events: TaskEventDraft[] = names.length === 0 ? [] : [{ kind: "task.edited", data: { fields: names } }];
  if (status === undefined || status === task.status) return { fields, events };
  const move = moved(task, status, null, fields);
  return { fields: move.fields, events: [...events, ...move.events] };
}

function moved(task: TaskRecord, to: TaskStatus, reason: string | null, fields: Partial<TaskRecord>): Effect {
  return {
    fields: { ...fields, status: to },
    events: [{ kind: "status.changed", data: { from: task.status, to, reason } }],
  };
}

function ended(
  task: TaskRecord,
  to: TerminalStatus,
  failure: Failure | null,
  output: TaskOutput | null,
  now: Millis,
): Effect {
  const move = moved(task, to, failure?.message ?? null, {
    failure,
    output,
    branch: output?.branch ?? task.branch,
    endedAt: now,
  });
  const warning = output?.warning ?? null;
  return {
    fields: move.fields,
    events: [
      ...(output === null
        ? []
        : [{ kind: "output.recorded", data: { branch: output.branch, commits: output.commits.length } } as const]),
      ...(warning === null ? [] : [{ kind: "warning.raised", data: { message: warning } } as const]),
      ...move.events,
    ],
  };
}

function wrongStatus(status: TaskStatus, kind: TaskChangeKind): string {
  if (kind === "edit") {
    return status === "queued"
      ? "For a queued task, you can only change the priority or the limit, or remove dependencies."
      : "A task can only be edited before it runs; its limit also after it has failed or was cancelled.";
  }
  if (kind === "retry") return "Only a failed or cancelled task can be retried.";
  if (kind === "acknowledge") return "Only a failed task can be acknowledged or unacknowledged.";
  if (isTerminal(status)) return `The task has already ended: it is ${status}.`;
  return `The task is ${status}: it cannot ${kind} now.`;
}
