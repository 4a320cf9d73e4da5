/**
 * Repairs orphaned runs: creates a workflow that was never created, and ends the task of one that is finished or gone. A
 * phase of the sweep. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import { MAX_QUEUE_POLL_MS } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, asc, eq, inArray, lt, not, sql } from "drizzle-orm";
import { tasks, workspaces } from "../database/schema.ts";
import { depsFor } from "../deps.ts";
import type { Deps } from "../deps.ts";
import type { Env } from "../env.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { deriveMessageId } from "../sessions/derived-id.ts";
import { setWorkspaceState } from "../workspaces/store.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { tryChange } from "./change.ts";
import { ensureRun, ensureSession, signalRun, readRunStatus } from "./launch.ts";
import { toTaskRecord } from "./store.ts";

/** A task that changed this recently is still being launched or ended. */
const GRACE_MS = 60_000;
/** A live run is signalled much sooner: an interrupted one resumes, and to any other the signal is harmless. */
const SIGNAL_GRACE_MS = 2_000;
/** Checking a run and signalling it need no query. */
const CHECKED = 200;

const LOST: Failure = {
  code: "run_lost",
  message: "The run of this task was lost. The messages delivered so far are stored; retry the task.",
};

export interface RepairResult {
  readonly found: number;
  readonly acted: number;
}

/** Repairs at most `limit` runs. Throws, after trying all of them, if a run could not be checked. */
export async function repairOrphanRuns(env: Env, now: Millis, limit = CHECKED): Promise<RepairResult> {
  const deps = depsFor(env);
  const rows = await deps.db
    .select()
    .from(tasks)
    .where(
      and(
        inArray(tasks.status, ["queued", "delegated", "in_progress"]),
        lt(tasks.updatedAt, now - SIGNAL_GRACE_MS),
        not(polledRecently(now)),
      ),
    )
    .orderBy(asc(tasks.updatedAt))
    .limit(CHECKED);
  let acted = 0;
  const faults: string[] = [];
  for (const row of rows) {
    if (acted + faults.length >= limit) break;
    try {
      if (await repair(deps, toTaskRecord(row), row.updatedAt < now - GRACE_MS)) acted++;
    } catch (error) {
      faults.push(`${row.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(`some runs could not be repaired: ${faults.join("; ").slice(0, 1000)}`);
  return { found: acted, acted };
}

/** A run that polls the queue is alive. The queue may be long, and each signal costs its run a step. */
const polledRecently = (now: Millis) =>
  sql`EXISTS (SELECT 1 FROM task_queue WHERE task_id = ${tasks.id} AND polled_at > ${now - 2 * MAX_QUEUE_POLL_MS})`;

/** Returns whether there was something to repair. `isSettled`: the task is not being launched or ended right now. */
async function repair(deps: Deps, task: TaskRecord, isSettled: boolean): Promise<boolean> {
  const { runId } = task;
  const status = runId === null ? null : await readRunStatus(deps.env, runId);
  switch (status) {
    case null:
      if (!isSettled) return false;
      if (task.status !== "queued" || runId === null) return giveUp(deps, task);
      await ensureSession(deps, task);
      await ensureRun(deps, task, runId);
      return true;
    case "complete":
    case "errored":
    case "terminated":
      return isSettled && giveUp(deps, task);
    default:
      // The run is alive; the signal makes up for one that it may have missed.
      if (runId !== null) await signalRun(deps, runId);
      return false;
  }
}

/**
 * Fails a task whose run does nothing more. Closes the session first: the sweep returns until the task has ended. Other phases
 * handle the rest. Returns whether the task was still in flight.
 */
export async function giveUp(deps: Deps, task: TaskRecord, failure: Failure = LOST): Promise<boolean> {
  await endLostSession(deps, task, failure);
  const ended = await tryChange(deps, task.id, { kind: "fail", failure, output: null }, { kind: "sweep" });
  if (!ended.ok) return false;
  deps.logger.warn("run.lost", { taskId: task.id, runId: task.runId, code: failure.code });
  await releaseWorkspaces(deps, task, failure);
  return true;
}

async function endLostSession(deps: Deps, task: TaskRecord, failure: Failure): Promise<void> {
  await ensureSession(deps, task);
  const data = getProjectData(deps, task.projectId);
  await data.addNotice(task.sessionId, deriveMessageId(`${task.runId}:lost`), failure.message);
  await data.endSession(task.sessionId, "error");
}

async function releaseWorkspaces({ db, env }: Deps, task: TaskRecord, failure: Failure): Promise<void> {
  const held = await db
    .select()
    .from(workspaces)
    .where(and(eq(workspaces.taskId, task.id), inArray(workspaces.state, ["creating", "ready", "busy"])));
  for (const { id, nodeId } of held) {
    await setWorkspaceState(env, id, "failed", { failure });
    await getNodeObject(env, nodeId).enqueue({
      id: `${id}:destroy`,
      kind: "workspace.destroy",
      args: { workspaceId: id },
    });
    await getNodeObject(env, nodeId).release(id);
  }
}
