/**
 * A task's run, from text to pushed branch: choose, prepare, start, work, finish. Whatever happens, a run ends its task.
 * Keeps T1.
 */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { assertNever } from "@samovar/base";
import type { Millis, NodeId, WorkspaceId } from "@samovar/base";
import type { Failure, SessionEnd, TranscriptDigest, TranscriptVerification } from "@samovar/contracts";
import { MAX_VERIFICATIONS, getVerificationPauseMs } from "@samovar/domain/run-waits";
import { CANCELLED, concludeRun, getCancelFailure } from "@samovar/domain/task-run";
import type { Env } from "../../env.ts";
import { createWorkspace, setWorkspaceState } from "../../workspaces/store.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import { deleteFinishedRuns, recordFinishedRun } from "../finished-runs.ts";
import type { TaskRunParams } from "./params.ts";
import { toRunJob, openRun } from "./run-job.ts";
import type { RunJob, RunPlan } from "./run-job.ts";
import { endRun, endRefusedRun } from "./run-ending.ts";
import { releaseOrphanedSlots, NodeLost, prepareOnAnyNode } from "./prepare-on-any-node.ts";
import type { Prepared } from "./prepare-on-any-node.ts";
import type { KeyedEvent } from "../store.ts";
import { RunContext, RunStopped, RunSuperseded, stopAfterWait, stopWith, toInternalFailure } from "./run-context.ts";
import type { Ending } from "./run-context.ts";
import { withPullRequest } from "./run-pull-request.ts";

export class TaskRun extends WorkflowEntrypoint<Env, TaskRunParams> {
  override async run(event: Readonly<WorkflowEvent<TaskRunParams>>, step: WorkflowStep): Promise<void> {
    const context = new RunContext(this.env, event.payload, step);
    const start = await open(context);
    if (start !== null) {
      const job = toRunJob(start);
      await endRun(context, start, await executeRun(context, job));
      await releaseOrphanedSlots(context, job);
    }
    await recordAsFinished(context);
  }
}

/** Each run that ends deletes the workflows of a few that ended before it; the sweep deletes the rest. */
const DELETED_PER_RUN = 5;

async function recordAsFinished(context: RunContext): Promise<void> {
  await context.attempt("finished", async () => {
    const { deps, params } = context;
    const now = deps.clock.now();
    await recordFinishedRun(deps, params.runId, now);
    await deleteFinishedRuns(deps, now, DELETED_PER_RUN).catch((error: unknown) =>
      deps.logger.warn("run.delete_failed", { error }),
    );
  });
}

/** Null if there is nothing to do, or if the run could not start: then the task has failed. */
async function open(context: RunContext): Promise<RunPlan | null> {
  try {
    const plan = await context.once("open", () => openRun(context.deps, context.params));
    if (plan === null || !("refusal" in plan)) return plan;
    await endRefusedRun(context, plan.refusal);
    return null;
  } catch (error) {
    context.deps.logger.error("run.open_failed", { ...context.params, error });
    await endRefusedRun(context, toInternalFailure(error));
    return null;
  }
}

/** How the run ended. Null: another run or the sweep has ended the task, and only the workspace is left to remove. */
async function executeRun(context: RunContext, job: RunJob): Promise<Ending | null> {
  try {
    const prepared = await prepareOnAnyNode(context, job, (node, round) => prepare(context, job, node, round));
    const startedAt = await start(context, job, prepared);
    const worked = await work(context, job, prepared.nodeId, startedAt);
    return await finish(context, job, worked);
  } catch (error) {
    if (error instanceof RunSuperseded) return null;
    if (error instanceof RunStopped) return error.ending;
    context.deps.logger.error("run.failed", { ...context.params, error });
    const workspace = context.hasPrompted ? "keep" : "remove";
    if (context.hasPrompted) await stopAgent(context, job);
    return { status: "failed", failure: toInternalFailure(error), output: null, workspace };
  }
}

/** The agent must not go on working in a retained workspace after its run has ended. */
async function stopAgent(context: RunContext, { cancelCommand }: RunJob): Promise<void> {
  const { nodeId } = context;
  if (nodeId === null) return;
  const args = { ...cancelCommand.args, reason: "The run of this task stopped on an unexpected error." };
  await context.attempt("end: stop", () => context.node(nodeId).enqueue({ ...cancelCommand, args }));
}

/** The result of a step that sends the node a command: when it was sent, or why the run may no longer act. */
type Requested = { readonly requestedAt: Millis } | { readonly refused: string };

/** Returns the branch of the checkout, which no other task uses. */
async function prepare(context: RunContext, job: RunJob, nodeId: NodeId, round: number): Promise<string> {
  const { deps } = context;
  const { workspaceId, ownerId, task } = job;
  const name = round === 1 ? "prepare" : `prepare ${round}`;
  context.requestedOn = nodeId;
  const requested = await context.once(`${name}: request`, async (): Promise<Requested> => {
    const marks = [context.mark("choose", "finished", round), context.mark("prepare", "started", round)];
    const refused = await context.apply({ kind: "delegate", nodeId, workspaceId }, ...marks);
    if (refused !== null) return { refused };
    const { id: taskId, projectId, sessionId } = task;
    await createWorkspace(deps.env, {
      id: workspaceId,
      ownerId,
      projectId,
      sessionId,
      taskId,
      nodeId,
      branch: job.branch,
      agent: job.startCommand.args.agent.kind,
    });
    await context.node(nodeId).enqueue(job.createCommand);
    return { requestedAt: deps.clock.now() };
  });
  if ("refused" in requested) {
    context.requestedOn = null;
    throw new RunSuperseded(requested.refused);
  }
  const result = await context.until(name, "workspace", workspaceId, requested);
  if (result.kind === "node_lost") throw new NodeLost(nodeId, result.failure, "prepare");
  if (result.kind !== "reached") throw stopAfterWait(result, "remove");
  return result.observation?.workspace.branch ?? job.branch;
}

/** Sends the agent the prompt and waits for its first response. Returns when it started to work; null if the session has ended already or must be stopped. */
async function start(context: RunContext, job: RunJob, { nodeId, branch, round }: Prepared): Promise<Millis | null> {
  const { deps } = context;
  const { task, workspaceId, startCommand } = job;
  context.hasPrompted = true;
  const requested = await context.once("start: request", async (): Promise<Requested | "cancelled"> => {
    const marks = [context.mark("prepare", "finished", round), context.mark("start", "started")];
    const refused = await context.apply({ kind: "name_branch", branch }, ...marks);
    if (refused !== null) return { refused };
    if (await context.isCancelRequested()) return "cancelled";
    await Promise.all([
      getProjectData(deps, task.projectId).linkWorkspace(task.sessionId, workspaceId),
      setWorkspaceState(deps.env, workspaceId, "busy", { branch }),
    ]);
    // Last: once the agent may have the prompt, a repeated step must not mistake a later cancel for an earlier one.
    await context.node(nodeId).enqueue(startCommand);
    return { requestedAt: deps.clock.now() };
  });
  if (requested === "cancelled") throw stopWith("cancelled", CANCELLED, "remove");
  if ("refused" in requested) {
    context.hasPrompted = false;
    throw new RunSuperseded(requested.refused);
  }
  const result = await context.until("start", "start", workspaceId, requested);
  if (result.kind === "failed") throw stopAfterWait(result, "keep");
  // A cancel and a late agent both require the session to be stopped, which `work` does.
  if (result.kind === "overdue") context.startFailure = result.failure;
  if (result.kind !== "reached") {
    await context.once("start: finished", () =>
      context.record(context.mark("start", "finished"), context.mark("work", "started")),
    );
    return null;
  }
  await markInProgress(
    context,
    "start: in progress",
    context.mark("start", "finished"),
    context.mark("work", "started"),
  );
  return result.observation?.session.end === null ? result.now : null;
}

/** The task is in progress from the agent's first response, not before. */
async function markInProgress(context: RunContext, name: string, ...marks: readonly KeyedEvent[]): Promise<void> {
  if (context.hasStarted) return;
  await context.change(name, { kind: "start" }, ...marks);
  context.hasStarted = true;
}

interface Worked {
  readonly end: SessionEnd;
  /** Why the run stopped the session; null if it did not. */
  readonly stoppedFor: Failure | null;
}

async function work(context: RunContext, job: RunJob, nodeId: NodeId, startedAt: Millis | null): Promise<Worked> {
  const reason = context.startFailure ?? (await reasonToStop(context, job.workspaceId, startedAt));
  if ("end" in reason) return { end: reason.end, stoppedFor: getCancelFailure(reason.end, reason.cancelRequested) };
  const requestedAt = await context.once("work: stop", async () => {
    const args = { ...job.cancelCommand.args, reason: reason.message };
    await context.node(nodeId).enqueue({ ...job.cancelCommand, args });
    return context.deps.clock.now();
  });
  const result = await context.until("work: drain", "drain", job.workspaceId, { requestedAt });
  const end = result.observation?.session.end ?? null;
  if (result.kind === "reached" && end !== null) return { end, stoppedFor: reason };
  throw stopWith(
    reason.code === CANCELLED.code ? "cancelled" : "failed",
    reason,
    result.kind === "failed" ? "lost" : "keep",
  );
}

/** Returns the session's end, or why the session has to be stopped. */
async function reasonToStop(
  context: RunContext,
  workspaceId: WorkspaceId,
  startedAt: Millis | null,
): Promise<Failure | { readonly end: SessionEnd; readonly cancelRequested: boolean }> {
  const result = await context.until("work", "work", workspaceId, { requestedAt: startedAt });
  switch (result.kind) {
    case "reached": {
      const end = result.observation?.session.end ?? null;
      if (end === null) throw new Error("the wait for the session's end was over, but the session has no end");
      return { end, cancelRequested: result.cancelRequested };
    }
    case "cancelled":
      return CANCELLED;
    case "overdue":
      return result.failure;
    case "wait":
    case "node_lost":
    case "failed":
      throw stopAfterWait(result, "keep");
    default:
      return assertNever(result, "decision");
  }
}

/** Compares the stored transcript with the host's digest, then decides how the task ended. */
async function finish(context: RunContext, job: RunJob, { end, stoppedFor }: Worked): Promise<Ending> {
  await context.once("finish: start", () =>
    context.record(context.mark("work", "finished"), context.mark("finish", "started")),
  );
  // The session may have ended while it was being stopped, before its first response was observed.
  if (end.outcome === "clean") await markInProgress(context, "finish: in progress");
  const transcript = end.digest === null ? null : await verifyTranscript(context, job, end.digest, end.drained);
  return withPullRequest(context, job, end, concludeRun(end, transcript, stoppedFor));
}

/**
 * The final comparison. Once the node is drained the store has acknowledged every message, so one comparison is enough; before
 * that, it is repeated for as long as messages arrive.
 */
async function verifyTranscript(
  context: RunContext,
  { task: { projectId, sessionId } }: RunJob,
  digest: TranscriptDigest,
  isDrained: boolean,
): Promise<TranscriptVerification> {
  for (let tries = 1, quiet = 0, stored = ""; ; tries++) {
    const transcript = await context.once(`finish: verify ${tries}`, () =>
      getProjectData(context.deps, projectId).verify(sessionId, digest),
    );
    if (transcript.agreed || isDrained || tries === MAX_VERIFICATIONS) return transcript;
    quiet = transcript.stored.digest === stored ? quiet + 1 : 0;
    stored = transcript.stored.digest;
    const pauseMs = getVerificationPauseMs(quiet);
    if (pauseMs === null) return transcript;
    await context.pause(`finish: wait ${tries}`, pauseMs);
  }
}
