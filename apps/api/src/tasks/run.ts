/** Edits, runs, retries, cancels and sets aside a task: the row first, then what follows from it. */
import type { TaskId } from "@samovar/base";
import { isRunning } from "@samovar/domain/task-status";
import type { TaskActor, TaskChange, TaskRecord } from "@samovar/domain/task-status";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import type { KeyRow } from "../idempotency.ts";
import { intentOf, keyRow, madeBefore } from "../idempotency.ts";
import type { ProjectRow } from "../projects/store.ts";
import { assertRunnable } from "../agents/preconditions.ts";
import { change } from "./change.ts";
import { agentOf, assertOpen } from "./create.ts";
import { ensureRun, ensureSession, nudgeRun } from "./launch.ts";
import { requireTask } from "./store.ts";

/** Asking again while it runs changes nothing; with the same key, nor does it after that. */
export async function runTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  task: TaskRecord,
  key: string | null = null,
): Promise<TaskRecord> {
  return onceForKey(deps, caller, task, { key, request: "POST task/run" }, async (keyRow) => {
    if (isRunning(task.status)) return task;
    assertOpen(project);
    await assertRunnable(deps.db, caller.id, agentOf(deps, project, task));
    const runId = deps.ids.make("run");
    return change(deps, task.id, { kind: "queue", runId }, { kind: "user", id: caller.id }, keyRow);
  });
}

/** One attempt for each key. */
export async function retryTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  task: TaskRecord,
  key: string | null = null,
): Promise<TaskRecord> {
  return onceForKey(deps, caller, task, { key, request: "POST task/retry" }, async (keyRow) => {
    assertOpen(project);
    await assertRunnable(deps.db, caller.id, agentOf(deps, project, task));
    const { ids } = deps;
    const attempt = {
      kind: "retry",
      runId: ids.make("run"),
      sessionId: ids.make("ses"),
      promptMessageId: ids.messageId(),
    } as const;
    return change(deps, task.id, attempt, { kind: "user", id: caller.id }, keyRow);
  });
}

/** The task as it is now when the work was done under the key before. Of many at once with one key, one does it. */
async function onceForKey(
  deps: Deps,
  caller: Caller,
  task: TaskRecord,
  { key, request }: { readonly key: string | null; readonly request: string },
  work: (keyRow: KeyRow | null) => Promise<TaskRecord>,
): Promise<TaskRecord> {
  const intent = await intentOf(key, request, task.id);
  if (intent === null) return launched(deps, await work(null));
  const isDone = async () => (await madeBefore(deps.db, caller.id, intent)) !== null;
  const now = () => requireTask(deps.db, task.projectId, task.id);
  if (await isDone()) return launched(deps, await now());
  try {
    return launched(deps, await work(keyRow(caller.id, intent, task.id, deps.clock.now())));
  } catch (error) {
    if (await isDone()) return launched(deps, await now());
    throw error;
  }
}

/** A task that waits in line takes its new place at once. */
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
  if (task.status === "queued" && task.runId !== null) await nudgeRun(deps, task.runId);
  return task;
}

/** The request is in the row before the run hears of it; the run reads the row. */
export async function cancelTask(deps: Deps, taskId: TaskId, actor: TaskActor): Promise<TaskRecord> {
  const task = await change(deps, taskId, { kind: "cancel", reason: "Cancelled on request." }, actor);
  if (isRunning(task.status) && task.runId !== null) await nudgeRun(deps, task.runId);
  return task;
}

/** Of a failed task: whether somebody has to see to it. */
export function acknowledgeTask(
  deps: Deps,
  taskId: TaskId,
  acknowledged: boolean,
  actor: TaskActor,
): Promise<TaskRecord> {
  return change(deps, taskId, { kind: "acknowledge", acknowledged }, actor);
}

/** Its session and its run are there, also when the request that made them was cut off. */
async function launched(deps: Deps, task: TaskRecord): Promise<TaskRecord> {
  if (task.runId === null || !isRunning(task.status)) return task;
  await ensureSession(deps, task);
  await ensureRun(deps, task, task.runId);
  return task;
}
