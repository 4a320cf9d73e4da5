/**
 * The end of a run: retains or removes the workspace, closes the session, ends the task. Every part may repeat, and the
 * failure of one never keeps the task from ending. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis, NodeId } from "@samovar/base";
import type { Failure, TaskOutput } from "@samovar/contracts";
import { getRunDurations } from "@samovar/domain/run-durations";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskChange } from "@samovar/domain/task-status";
import type { Deps } from "../../deps.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import { findWorkspace, setWorkspaceState } from "../../workspaces/store.ts";
import { tryChange } from "../change.ts";
import { stepEvents } from "../step-events.ts";
import { findTask } from "../store.ts";
import { joinSentences } from "./join-sentences.ts";
import type { Ending, RunStart, RunContext } from "./run-context.ts";
import type { TaskRunParams } from "./params.ts";

/** `ending` null: another run or the sweep has ended the task; then the workspace is removed without a notice. */
export async function endRun(context: RunContext, start: RunStart, ending: Ending | null): Promise<void> {
  const { nodeId } = context;
  const wasRequested = nodeId !== null && context.requestedOn === nodeId;
  const cleanUp = wasRequested
    ? await finalizeWorkspace(context, start, nodeId, ending)
    : await releaseUnusedSlot(context, start, ending);
  if (ending === null) return cleanUp();
  // Before the task ends: the sweep does not signal an interrupted run whose task has ended.
  await Promise.all([
    cleanUp(),
    context.attempt("end: session", () => closeSession(context, start.task, ending.status)),
  ]);
  await endTask(context, ending);
}

/** The work that remains once the transcript has its last notice. */
type CleanUp = () => Promise<void>;
const nothing: CleanUp = () => Promise.resolve();

/** Ends a run that could not start. */
export async function endRefusedRun(context: RunContext, failure: Failure): Promise<void> {
  await endTask(context, { status: "failed", failure, output: null, workspace: "remove" });
  await context.attempt("end: session", async () => {
    const task = await findTask(context.deps.db, context.params.taskId);
    if (task !== null && task.runId === context.params.runId) await closeSession(context, task, "failed");
  });
}

/** Retried for hours: giving up would lose how the work ended. */
async function endTask(context: RunContext, ending: Ending | null): Promise<void> {
  if (ending === null) return;
  for (let tries = 1; ; tries++) {
    try {
      return await context.once(`end: task ${tries}`, () => writeEnd(context, ending));
    } catch (error) {
      if (tries === END_TRIES) throw error;
      await context.pause(`end: wait ${tries}`, END_PAUSE_MS);
    }
  }
}

const END_TRIES = 30;
const END_PAUSE_MS = 60_000;

/** Leaves a task alone that has ended otherwise: whoever ended it has closed its session. */
async function writeEnd(context: RunContext, ending: Ending): Promise<void> {
  const { deps, params, actor } = context;
  const output = ending.output === null ? null : { ...ending.output, durations: await durations(deps, params) };
  const events = output === null ? [] : [context.mark("finish", "finished")];
  const outcome = await tryChange(deps, params.taskId, toTaskChange({ ...ending, output }), actor, { events });
  if (outcome.ok || outcome.refusal.code !== "wrong_status" || isTerminal(outcome.task.status)) return;
  const failure = {
    code: "internal",
    message: `The task refused the end of its run: ${outcome.refusal.message}`,
  };
  await tryChange(deps, params.taskId, { kind: "fail", failure, output }, actor);
}

async function durations({ db, clock }: Deps, { taskId, runId }: TaskRunParams): Promise<TaskOutput["durations"]> {
  return getRunDurations(await stepEvents(db, taskId), runId, clock.now());
}

/** The notice in the transcript has the reason; the status says how the session ended. */
async function closeSession({ deps }: RunContext, task: RunStart["task"], status: Ending["status"]): Promise<void> {
  await getProjectData(deps, task.projectId).endSession(task.sessionId, status === "failed" ? "error" : "stopped");
}

function toTaskChange({ status, failure, output }: Ending): TaskChange {
  const reason = failure ?? { code: status, message: `The task is ${status}.` };
  switch (status) {
    case "completed":
      if (output === null) throw new Error("a completed run must have an output");
      return { kind: "complete", output };
    case "failed":
      return { kind: "fail", failure: reason, output };
    case "cancelled":
      return { kind: "stop", failure: reason, output };
    default:
      return assertNever(status, "status");
  }
}

async function finalizeWorkspace(
  context: RunContext,
  start: RunStart,
  nodeId: NodeId,
  ending: Ending | null,
): Promise<CleanUp> {
  const disposal = ending?.workspace ?? "remove";
  const failure = ending?.failure ?? null;
  switch (disposal) {
    case "keep":
      return retain(context, start, nodeId, ending);
    case "lost":
      await context.attempt("end: lost", () =>
        setWorkspaceState(context.deps.env, start.workspaceId, "failed", { failure }),
      );
      await addEndNotice(context, start, ending, "The workspace is lost with its node.");
      await context.attempt("end: release", () => context.node(nodeId).release(start.workspaceId));
      return nothing;
    case "remove":
      return remove(context, start, nodeId, ending);
    default:
      return assertNever(disposal, "disposal");
  }
}

/** The node stays too, and its slot is available to other work, until the sweep or a person removes the workspace. */
async function retain(context: RunContext, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<CleanUp> {
  const { env, config } = context.deps;
  const retainedUntil = (await context.now("end: retained from")) + config.WORKSPACE_RETENTION_MS;
  const failure = ending?.failure ?? null;
  await context.attempt("end: retain", () =>
    setWorkspaceState(env, start.workspaceId, "retained", { retainedUntil, failure }),
  );
  await context.attempt("end: free slot", () => context.node(nodeId).retain(start.workspaceId));
  const until = new Date(retainedUntil).toISOString().slice(0, 16).replace("T", " ");
  await addEndNotice(context, start, ending, `The workspace is kept until ${until} UTC.`);
  return nothing;
}

async function remove(context: RunContext, start: RunStart, nodeId: NodeId, ending: Ending | null): Promise<CleanUp> {
  const { workspaceId } = start;
  const { env } = context.deps;
  const failure = ending?.failure ?? null;
  const requestedAt = await context.attemptAt("end: remove", async () => {
    await setWorkspaceState(env, workspaceId, "destroying", { failure });
    const id = `${context.params.runId}:workspace.destroy`;
    await context.node(nodeId).enqueue({ id, kind: "workspace.destroy", args: { workspaceId } });
  });
  await addEndNotice(context, start, ending, null);
  return async () => {
    const isGone =
      requestedAt !== null &&
      (await isRemoved(context, workspaceId, ending?.status === "completed" ? requestedAt : null));
    await context.attempt("end: release", async () => {
      if (isGone) await setWorkspaceState(env, workspaceId, "destroyed");
      await context.node(nodeId).release(workspaceId);
    });
  };
}

/** `requestedAt` null: the workspace may be gone already, for example because it could not be created. */
async function isRemoved(
  context: RunContext,
  workspaceId: RunStart["workspaceId"],
  requestedAt: Millis | null,
): Promise<boolean> {
  try {
    return (await context.until("end: removal", "removal", workspaceId, { requestedAt })).kind === "reached";
  } catch {
    // Its node cannot be reached; the sweep repeats the removal.
    return false;
  }
}

/** No workspace was requested: releases the slot that the run may have taken. */
async function releaseUnusedSlot(context: RunContext, start: RunStart, ending: Ending | null): Promise<CleanUp> {
  await context.attempt("end: release slot", async () => {
    const intended = await findWorkspace(context.deps.db, start.workspaceId);
    if (intended === null) return;
    await context.node(intended.nodeId).release(start.workspaceId);
    await setWorkspaceState(context.deps.env, start.workspaceId, "destroyed");
  });
  await addEndNotice(context, start, ending, null);
  return nothing;
}

/** Adds at most one notice per run, and none without content. */
async function addEndNotice(
  context: RunContext,
  { task, noticeId }: RunStart,
  ending: Ending | null,
  workspaceNotice: string | null,
): Promise<void> {
  const parts = [ending?.failure?.message, ending?.output?.warning, workspaceNotice].filter((part) => part != null);
  if (parts.length === 0) return;
  await context.attempt("end: notice", () =>
    getProjectData(context.deps, task.projectId).addNotice(task.sessionId, noticeId, joinSentences(parts)),
  );
}
