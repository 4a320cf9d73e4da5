/** One change of a task: decided, written, told to viewers. A refusal is a conflict that says why. */
import type { TaskId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskActor, TaskChange, TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import type { KeyRow } from "../idempotency.ts";
import { publishTask } from "./publish.ts";
import { applyChange, findTask, recordEvents } from "./store.ts";
import type { ChangeOutcome, KeyedEvent, WrittenWithChange } from "./store.ts";
import { wakeDependents } from "./wake.ts";

/** For machinery, which decides by itself what a refusal means. */
export async function tryChange(
  deps: Deps,
  taskId: TaskId,
  change: TaskChange,
  actor: TaskActor,
  also: WrittenWithChange = {},
): Promise<ChangeOutcome> {
  const outcome = await applyChange(deps, taskId, change, actor, also);
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
  const outcome = await tryChange(deps, taskId, wanted, actor, key === null ? {} : { key });
  if (!outcome.ok) throw new SamovarError("conflict", outcome.refusal.message, { status: outcome.task.status });
  return outcome.task;
}

/** Records and publishes events that change nothing of the task. */
export async function note(deps: Deps, taskId: TaskId, events: readonly KeyedEvent[], actor: TaskActor): Promise<void> {
  const recorded = await recordEvents(deps, taskId, events, actor);
  const task = recorded.length === 0 ? null : await findTask(deps.db, taskId);
  if (task !== null) await publishTask(deps, task, recorded);
}
