/**
 * Runs without a workflow: one that was never created is created, one that is over or gone ends its task. A phase of
 * the sweep. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { Millis } from "@samovar/base";
import { MAX_QUEUE_POLL_MS } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, asc, eq, inArray, lt, not, sql } from "drizzle-orm";
import { tasks, workspaces } from "../database/schema.ts";
import { depsFor } from "../deps.ts";
import type { Deps } from "../deps.ts";
import type { Env } from "../env.ts";
import { nodeObject } from "../nodes/durable-object/stub.ts";
import { derivedMessageId } from "../sessions/derived-id.ts";
import { setWorkspaceState } from "../workspaces/store.ts";
import { projectData } from "../sessions/durable-object/stub.ts";
import { tryChange } from "./change.ts";
import { ensureRun, ensureSession, nudgeRun, runStatus } from "./launch.ts";
import { taskRecord } from "./store.ts";

/** A task that changed just now is being launched, or ended, by somebody else. */
const GRACE_MS = 60_000;
/** A run that lives may be asked to look much sooner: one that was cut off between two steps goes on, another loses nothing. */
const NUDGE_GRACE_MS = 2_000;
const BATCH = 200;

const LOST = {
  code: "run_lost",
  message: "The run of this task was lost. What the agent had delivered is kept; try the task again.",
};

export interface Repaired {
  readonly found: number;
  readonly acted: number;
}

/** Throws, after it has tried them all, when a run could not be judged. */
export async function repairOrphanRuns(env: Env, now: Millis): Promise<Repaired> {
  const deps = depsFor(env);
  const rows = await deps.db
    .select()
    .from(tasks)
    .where(
      and(
        inArray(tasks.status, ["queued", "delegated", "in_progress"]),
        lt(tasks.updatedAt, now - NUDGE_GRACE_MS),
        not(hasLooked(now)),
      ),
    )
    .orderBy(asc(tasks.updatedAt))
    .limit(BATCH);
  let acted = 0;
  const faults: string[] = [];
  for (const row of rows) {
    try {
      if (await repair(deps, taskRecord(row), row.updatedAt < now - GRACE_MS)) acted++;
    } catch (error) {
      faults.push(`${row.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(`some runs could not be repaired: ${faults.join("; ").slice(0, 1000)}`);
  return { found: acted, acted };
}

/** A run that looks into the line from time to time lives; a line may be long, and each nudge costs its run a step. */
const hasLooked = (now: Millis) =>
  sql`EXISTS (SELECT 1 FROM task_queue WHERE task_id = ${tasks.id} AND polled_at > ${now - 2 * MAX_QUEUE_POLL_MS})`;

/** Whether there was something to repair. `isSettled`: nobody else is at it. */
async function repair(deps: Deps, task: TaskRecord, isSettled: boolean): Promise<boolean> {
  const { runId } = task;
  const status = runId === null ? null : await runStatus(deps.env, runId);
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
      // It lives; should it have missed a nudge or its own timer, it looks again now.
      if (runId !== null) await nudgeRun(deps, runId);
      return false;
  }
}

/** The session is told first: until the task has ended the sweep comes back. What is left then other phases see to. */
async function giveUp(deps: Deps, task: TaskRecord): Promise<boolean> {
  await tellSession(deps, task);
  const ended = await tryChange(deps, task.id, { kind: "fail", failure: LOST, output: null }, { kind: "sweep" });
  if (!ended.ok) return false;
  deps.logger.warn("run.lost", { taskId: task.id, runId: task.runId });
  await letWorkspacesGo(deps, task);
  return true;
}

async function tellSession(deps: Deps, task: TaskRecord): Promise<void> {
  await ensureSession(deps, task);
  const data = projectData(deps, task.projectId);
  await data.addNotice(task.sessionId, derivedMessageId(`${task.runId}:lost`), LOST.message);
  await data.endSession(task.sessionId, "error");
}

async function letWorkspacesGo({ db, env }: Deps, task: TaskRecord): Promise<void> {
  const held = await db
    .select()
    .from(workspaces)
    .where(and(eq(workspaces.taskId, task.id), inArray(workspaces.state, ["creating", "ready", "busy"])));
  for (const { id, nodeId } of held) {
    await setWorkspaceState(env, id, "failed", { failure: LOST });
    await nodeObject(env, nodeId).enqueue({
      id: `${id}:destroy`,
      kind: "workspace.destroy",
      args: { workspaceId: id },
    });
    await nodeObject(env, nodeId).release(id);
  }
}
