/** Decides, writes and publishes one change of a task. A refusal is a conflict that says why. */
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

/** For runs and the sweep, which handle a refusal themselves. */
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
  // A terminal status and a retry both matter to the tasks that depend on this one.
  const hasMoved = outcome.events.some((event) => event.kind === "status.changed");
  if (hasMoved && (isTerminal(outcome.task.status) || change.kind === "retry"))
    await wakeDependents(deps, outcome.task);
  return outcome;
}

/** For requests of people: throws `conflict` if the change is refused. */
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

/** Records and publishes events that do not change the task. */
export async function recordAndPublish(
  deps: Deps,
  taskId: TaskId,
  events: readonly KeyedEvent[],
  actor: TaskActor,
): Promise<void> {
  const recorded = await recordEvents(deps, taskId, events, actor);
  const task = recorded.length === 0 ? null : await findTask(deps.db, taskId);
  if (task !== null) await publishTask(deps, task, recorded);
}
