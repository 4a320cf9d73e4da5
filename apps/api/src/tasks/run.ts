/** Edits, runs, retries, cancels and acknowledges a task: first its row, then its session and run. */
import type { TaskId } from "@samovar/base";
import { isRunning } from "@samovar/domain/task-status";
import type { TaskActor, TaskChange, TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import type { KeyRow } from "../idempotency.ts";
import { toIntent, toKeyRow, findCreated } from "../idempotency.ts";
import type { ProjectRow } from "../projects/store.ts";
import { assertRunnable } from "../agents/preconditions.ts";
import { change } from "./change.ts";
import { getTaskAgent, assertOpen } from "./create.ts";
import { ensureRun, ensureSession, signalRun } from "./launch.ts";
import { assertBudgetLeft } from "./spending.ts";
import { requireTask } from "./store.ts";

/** Repeating the request while the task runs changes nothing; with the same key, not later either. */
export async function runTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  task: TaskRecord,
  key: string | null = null,
): Promise<TaskRecord> {
  return onceForKey(deps, caller, task, { key, request: "POST task/run" }, async (toKeyRow) => {
    if (isRunning(task.status)) return task;
    assertOpen(project);
    await assertRunnable(deps, caller.id, getTaskAgent(deps, project, task));
    const runId = deps.ids.make("run");
    return change(deps, task.id, { kind: "queue", runId }, { kind: "user", id: caller.id }, toKeyRow);
  });
}

/** Starts one attempt per key. Throws `conflict` if the task has reached its limit on spending. */
export async function retryTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  task: TaskRecord,
  key: string | null = null,
): Promise<TaskRecord> {
  return onceForKey(deps, caller, task, { key, request: "POST task/retry" }, async (toKeyRow) => {
    assertOpen(project);
    await assertRunnable(deps, caller.id, getTaskAgent(deps, project, task));
    await assertBudgetLeft(deps, task);
    const { ids } = deps;
    const attempt = {
      kind: "retry",
      runId: ids.make("run"),
      sessionId: ids.make("ses"),
      promptMessageId: ids.messageId(),
    } as const;
    return change(deps, task.id, attempt, { kind: "user", id: caller.id }, toKeyRow);
  });
}

/** Does the work once per key, even for concurrent requests; for a key that was used before it returns the task as it is now. */
async function onceForKey(
  deps: Deps,
  caller: Caller,
  task: TaskRecord,
  { key, request }: { readonly key: string | null; readonly request: string },
  work: (toKeyRow: KeyRow | null) => Promise<TaskRecord>,
): Promise<TaskRecord> {
  const intent = await toIntent(key, request, task.id);
  if (intent === null) return ensureLaunched(deps, await work(null));
  const isDone = async () => (await findCreated(deps.db, caller.id, intent)) !== null;
  const now = () => requireTask(deps.db, task.projectId, task.id);
  if (await isDone()) return ensureLaunched(deps, await now());
  try {
    return ensureLaunched(deps, await work(toKeyRow(caller.id, intent, task.id, deps.clock.now())));
  } catch (error) {
    if (await isDone()) return ensureLaunched(deps, await now());
    throw error;
  }
}

/** A queued task takes its new position at once. */
export async function editTask(
  deps: Deps,
  taskId: TaskId,
  fields: Extract<TaskChange, { kind: "edit" }>["fields"],
  status: "draft" | "ready" | undefined,
  actor: TaskActor,
): Promise<TaskRecord> {
  const { dependsOn, ...rest } = fields;
  const wanted = dependsOn === undefined ? rest : { ...rest, dependsOn: [...new Set(dependsOn)] };
  const task = await change(deps, taskId, { kind: "edit", fields: wanted, status }, actor);
  if (task.status === "queued" && task.runId !== null) await signalRun(deps, task.runId);
  return task;
}

/** Writes the request to the row, then signals the run, which reads it there. */
export async function cancelTask(deps: Deps, taskId: TaskId, actor: TaskActor): Promise<TaskRecord> {
  const task = await change(deps, taskId, { kind: "cancel", reason: "Cancelled on request." }, actor);
  if (isRunning(task.status) && task.runId !== null) await signalRun(deps, task.runId);
  return task;
}

/** Acknowledges a failed task, or undoes that. */
export function acknowledgeTask(
  deps: Deps,
  taskId: TaskId,
  acknowledged: boolean,
  actor: TaskActor,
): Promise<TaskRecord> {
  return change(deps, taskId, { kind: "acknowledge", acknowledged }, actor);
}

/** Makes sure that the session and the run exist, even if the request that began to create them was interrupted. */
async function ensureLaunched(deps: Deps, task: TaskRecord): Promise<TaskRecord> {
  if (task.runId === null || !isRunning(task.status)) return task;
  await ensureSession(deps, task);
  await ensureRun(deps, task, task.runId);
  return task;
}
