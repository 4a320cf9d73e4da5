/**
 * A task's run, from text to pushed branch: choose, prepare, start, work, finish. Whatever happens on the way, the
 * last thing that a run does is to end its task. Keeps T1.
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
import { projectData } from "../../sessions/durable-object/stub.ts";
import { forgetFinishedRuns, noteFinished } from "../finished-runs.ts";
import type { TaskRunParams } from "./params.ts";
import { jobOf, openRun } from "./run-job.ts";
import type { RunJob, RunPlan } from "./run-job.ts";
import { endRun, endUnopened } from "./run-ending.ts";
import { letStraysGo, NodeLost, onSomeNode } from "./choosing.ts";
import type { Prepared } from "./choosing.ts";
import type { KeyedEvent } from "../store.ts";
import { gaveUp, RunStory, RunSuperseded, stopped, unforeseen } from "./run-story.ts";
import type { Ending } from "./run-story.ts";
import { withPullRequest } from "./run-pull-request.ts";
import { RunStopped } from "./run-story.ts";

export class TaskRun extends WorkflowEntrypoint<Env, TaskRunParams> {
  override async run(event: Readonly<WorkflowEvent<TaskRunParams>>, step: WorkflowStep): Promise<void> {
    const story = new RunStory(this.env, event.payload, step);
    const start = await open(story);
    if (start !== null) {
      const job = jobOf(start);
      await endRun(story, start, await tell(story, job));
      await letStraysGo(story, job);
    }
    await makeRoom(story);
  }
}

/** Each run that ends clears away a few that ended before it; the sweep does the rest. */
const FORGOTTEN_BY_EACH = 5;

async function makeRoom(story: RunStory): Promise<void> {
  await story.attempt("over", async () => {
    const { deps, params } = story;
    const now = deps.clock.now();
    await noteFinished(deps, params.runId, now);
    await forgetFinishedRuns(deps, now, FORGOTTEN_BY_EACH).catch((error: unknown) =>
      deps.logger.warn("run.not_forgotten", { error }),
    );
  });
}

/** Null when there is nothing to do, or when the beginning could not be made: then the task has failed. */
async function open(story: RunStory): Promise<RunPlan | null> {
  try {
    const plan = await story.once("open", () => openRun(story.deps, story.params));
    if (plan === null || !("refusal" in plan)) return plan;
    await endUnopened(story, plan.refusal);
    return null;
  } catch (error) {
    story.deps.logger.error("run.not_opened", { ...story.params, error });
    await endUnopened(story, unforeseen(error));
    return null;
  }
}

/** How it ended. Null: another run or the sweep has ended it, and only the workspace is left to clear. */
async function tell(story: RunStory, job: RunJob): Promise<Ending | null> {
  try {
    const prepared = await onSomeNode(story, job, (node, round) => prepare(story, job, node, round));
    const startedAt = await start(story, job, prepared);
    const worked = await work(story, job, prepared.nodeId, startedAt);
    return await finish(story, job, worked);
  } catch (error) {
    if (error instanceof RunSuperseded) return null;
    if (error instanceof RunStopped) return error.ending;
    story.deps.logger.error("run.failed", { ...story.params, error });
    const workspace = story.hasPrompted ? "keep" : "remove";
    if (story.hasPrompted) await stopUnwatched(story, job);
    return { status: "failed", failure: unforeseen(error), output: null, workspace };
  }
}

/** Nobody waits for this agent any more: it must not go on by itself in a workspace that is kept. */
async function stopUnwatched(story: RunStory, { cancelCommand }: RunJob): Promise<void> {
  const { nodeId } = story;
  if (nodeId === null) return;
  const args = { ...cancelCommand.args, reason: "The run of this task could not go on." };
  await story.attempt("end: stop", () => story.node(nodeId).enqueue({ ...cancelCommand, args }));
}

/** What a step that asks the node for something answers: when it has asked, or why the run has no say any more. */
type Asked = { readonly askedAt: Millis } | { readonly refused: string };

/** Answers the branch of the checkout, which is the task's alone. */
async function prepare(story: RunStory, job: RunJob, nodeId: NodeId, round: number): Promise<string> {
  const { deps } = story;
  const { workspaceId, ownerId, task } = job;
  const name = round === 1 ? "prepare" : `prepare ${round}`;
  story.askedOn = nodeId;
  const asked = await story.once(`${name}: ask`, async (): Promise<Asked> => {
    const marks = [story.mark("choose", "finished", round), story.mark("prepare", "started", round)];
    const refused = await story.apply({ kind: "delegate", nodeId, workspaceId }, ...marks);
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
    await story.node(nodeId).enqueue(job.createCommand);
    return { askedAt: deps.clock.now() };
  });
  if ("refused" in asked) {
    story.askedOn = null;
    throw new RunSuperseded(asked.refused);
  }
  const seen = await story.until(name, "workspace", workspaceId, asked);
  if (seen.kind === "node_lost") throw new NodeLost(nodeId, seen.failure, "prepare");
  if (seen.kind !== "reached") throw gaveUp(seen, "remove");
  return seen.observation?.workspace.branch ?? job.branch;
}

/** The agent has the prompt and gave its first sign: since when it works; null when that is not all that there is to see. */
async function start(story: RunStory, job: RunJob, { nodeId, branch, round }: Prepared): Promise<Millis | null> {
  const { deps } = story;
  const { task, workspaceId, startCommand } = job;
  story.hasPrompted = true;
  const asked = await story.once("start: ask", async (): Promise<Asked | "cancelled"> => {
    const marks = [story.mark("prepare", "finished", round), story.mark("start", "started")];
    const refused = await story.apply({ kind: "name_branch", branch }, ...marks);
    if (refused !== null) return { refused };
    if (await story.isCancelRequested()) return "cancelled";
    await Promise.all([
      projectData(deps, task.projectId).linkWorkspace(task.sessionId, workspaceId),
      setWorkspaceState(deps.env, workspaceId, "busy", { branch }),
    ]);
    // Last: once the agent may have the prompt, a repeated step must not take a cancel for one that came before it.
    await story.node(nodeId).enqueue(startCommand);
    return { askedAt: deps.clock.now() };
  });
  if (asked === "cancelled") throw stopped("cancelled", CANCELLED, "remove");
  if ("refused" in asked) {
    story.hasPrompted = false;
    throw new RunSuperseded(asked.refused);
  }
  const seen = await story.until("start", "start", workspaceId, asked);
  if (seen.kind === "failed") throw gaveUp(seen, "keep");
  // A cancel and a late agent both need the session to be stopped, which `work` knows how to do.
  if (seen.kind === "overdue") story.startFailure = seen.failure;
  if (seen.kind !== "reached") {
    await story.once("start: over", () => story.record(story.mark("start", "finished"), story.mark("work", "started")));
    return null;
  }
  await begun(story, "start: begun", story.mark("start", "finished"), story.mark("work", "started"));
  return seen.observation?.session.end === null ? seen.now : null;
}

/** The task is in progress with the agent's first sign, not before. */
async function begun(story: RunStory, name: string, ...marks: readonly KeyedEvent[]): Promise<void> {
  if (story.hasStarted) return;
  await story.change(name, { kind: "start" }, ...marks);
  story.hasStarted = true;
}

interface Worked {
  readonly end: SessionEnd;
  /** Why the run stopped the session, if it did. */
  readonly stoppedFor: Failure | null;
}

async function work(story: RunStory, job: RunJob, nodeId: NodeId, startedAt: Millis | null): Promise<Worked> {
  const reason = story.startFailure ?? (await reasonToStop(story, job.workspaceId, startedAt));
  if ("end" in reason) return { end: reason.end, stoppedFor: getCancelFailure(reason.end, reason.cancelRequested) };
  const askedAt = await story.once("work: stop", async () => {
    const args = { ...job.cancelCommand.args, reason: reason.message };
    await story.node(nodeId).enqueue({ ...job.cancelCommand, args });
    return story.deps.clock.now();
  });
  const seen = await story.until("work: drain", "drain", job.workspaceId, { askedAt });
  const end = seen.observation?.session.end ?? null;
  if (seen.kind === "reached" && end !== null) return { end, stoppedFor: reason };
  throw stopped(
    reason.code === CANCELLED.code ? "cancelled" : "failed",
    reason,
    seen.kind === "failed" ? "lost" : "keep",
  );
}

/** The session's end, or why it has to be stopped. */
async function reasonToStop(
  story: RunStory,
  workspaceId: WorkspaceId,
  startedAt: Millis | null,
): Promise<Failure | { readonly end: SessionEnd; readonly cancelRequested: boolean }> {
  const seen = await story.until("work", "work", workspaceId, { askedAt: startedAt });
  switch (seen.kind) {
    case "reached": {
      const end = seen.observation?.session.end ?? null;
      if (end === null) throw new Error("a session without an end was taken for one that has ended");
      return { end, cancelRequested: seen.cancelRequested };
    }
    case "cancelled":
      return CANCELLED;
    case "overdue":
      return seen.failure;
    case "wait":
    case "node_lost":
    case "failed":
      throw gaveUp(seen, "keep");
    default:
      return assertNever(seen, "decision");
  }
}

/** Compares what was said with what is stored, then decides what became of the task. */
async function finish(story: RunStory, job: RunJob, { end, stoppedFor }: Worked): Promise<Ending> {
  await story.once("finish: begin", () =>
    story.record(story.mark("work", "finished"), story.mark("finish", "started")),
  );
  // It may have ended before its first sign was seen, while it was being stopped.
  if (end.outcome === "clean") await begun(story, "finish: begun");
  const transcript = end.digest === null ? null : await verifyTranscript(story, job, end.digest, end.drained);
  return withPullRequest(story, job, end, concludeRun(end, transcript, stoppedFor));
}

/**
 * The last comparison. Once the node is drained the store has answered for every message, so the first one is final; before
 * that, it is repeated for as long as messages arrive.
 */
async function verifyTranscript(
  story: RunStory,
  { task: { projectId, sessionId } }: RunJob,
  digest: TranscriptDigest,
  isDrained: boolean,
): Promise<TranscriptVerification> {
  for (let tries = 1, quiet = 0, stored = ""; ; tries++) {
    const transcript = await story.once(`finish: verify ${tries}`, () =>
      projectData(story.deps, projectId).verify(sessionId, digest),
    );
    if (transcript.agreed || isDrained || tries === MAX_VERIFICATIONS) return transcript;
    quiet = transcript.stored.digest === stored ? quiet + 1 : 0;
    stored = transcript.stored.digest;
    const pauseMs = getVerificationPauseMs(quiet);
    if (pauseMs === null) return transcript;
    await story.pause(`finish: wait ${tries}`, pauseMs);
  }
}
