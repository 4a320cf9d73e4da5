/** One change of a task: decided, written, told to viewers. A refusal is a conflict that says why. */
import type { Millis, TaskId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskActor, TaskChange, TaskEventDraft, TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import type { KeyRow } from "../idempotency.ts";
import { publishTask } from "./publish.ts";
import { applyChange, findTask, recordEvent } from "./store.ts";
import type { ChangeOutcome } from "./store.ts";
import { wakeDependents } from "./wake.ts";

/** For machinery, which decides by itself what a refusal means. */
export async function tryChange(
  deps: Deps,
  taskId: TaskId,
  change: TaskChange,
  actor: TaskActor,
  key: KeyRow | null = null,
): Promise<ChangeOutcome> {
  const outcome = await applyChange(deps, taskId, change, actor, key);
  if (!outcome.ok) return outcome;
  await publishTask(deps, outcome.task, outcome.events);
  // Those who depend on it have news when it has ended, and when it is tried again.
  const isMove = outcome.events.some((event) => event.kind === "status.changed");
  if (isMove && (isTerminal(outcome.task.status) || change.kind === "retry")) await wakeDependents(deps, outcome.task);
  return outcome;
}

/** For people: throws `conflict` when the change may not be. */
export async function change(
  deps: Deps,
  taskId: TaskId,
  wanted: TaskChange,
  actor: TaskActor,
  key: KeyRow | null = null,
): Promise<TaskRecord> {
  const outcome = await tryChange(deps, taskId, wanted, actor, key);
  if (!outcome.ok) throw new SamovarError("conflict", outcome.refusal.message, { status: outcome.task.status });
  return outcome.task;
}

/** Records and tells an event that changes nothing of the task. `at`: when it was, if not now. */
export async function note(
  deps: Deps,
  taskId: TaskId,
  draft: TaskEventDraft,
  actor: TaskActor,
  dedupeKey: string,
  at: Millis = deps.clock.now(),
): Promise<void> {
  const events = await recordEvent(deps, taskId, draft, actor, dedupeKey, at);
  const task = events.length === 0 ? null : await findTask(deps.db, taskId);
  if (task !== null) await publishTask(deps, task, events);
}
