/**
 * A task's run, from text to pushed branch: choose, prepare, start, work, finish. Whatever happens on the way, the
 * last thing that a run does is to end its task. Keeps T1.
 */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { WorkflowEvent, WorkflowStep } from "cloudflare:workers";
import { assertNever } from "@samovar/base";
import type { NodeId, RunId, TaskId, WorkspaceId } from "@samovar/base";
import type { Failure, SessionEnd } from "@samovar/contracts";
import { CANCELLED, concludeRun, isReplaceable, lookAgainMs, MAX_REPLACEMENTS } from "@samovar/domain/task-run";
import type { Env } from "../env.ts";
import { chooseNode } from "../nodes/choose.ts";
import { createWorkspace, setWorkspaceState } from "../workspaces/store.ts";
import { projectData } from "../tasks/publish.ts";
import { jobOf, openRun } from "./run-job.ts";
import type { RunJob, RunPlan } from "./run-job.ts";
import { endRun, endUnopened } from "./run-ending.ts";
import { RunStory, RunSuperseded, stopped, unforeseen } from "./run-story.ts";
import type { Ending, Seen } from "./run-story.ts";
import { RunStopped } from "./run-story.ts";

export interface TaskRunParams {
  readonly taskId: TaskId;
  readonly runId: RunId;
}

/** A node says by itself when its boot took too long; this is for a node that says nothing. */
const NODE_SLACK_MS = 60_000;

export class TaskRun extends WorkflowEntrypoint<Env, TaskRunParams> {
  override async run(event: Readonly<WorkflowEvent<TaskRunParams>>, step: WorkflowStep): Promise<void> {
    const story = new RunStory(this.env, event.payload, step);
    const start = await open(story);
    if (start !== null) await endRun(story, start, await tell(story, jobOf(start)));
  }
}

/** Null when there is nothing to do, or when the beginning could not be made: then the task has failed. */
async function open(story: RunStory): Promise<RunPlan | null> {
  try {
    return await story.once("open", () => openRun(story.deps, story.params));
  } catch (error) {
    story.deps.logger.error("run.not_opened", { ...story.params, error });
    await endUnopened(story, unforeseen(error));
    return null;
  }
}

/** How it ended. Null: another run or the sweep has ended it, and only the workspace is left to clear. */
async function tell(story: RunStory, job: RunJob): Promise<Ending | null> {
  try {
    const nodeId = await story.chapter("choose", () => choose(story, job));
    await story.chapter("prepare", () => prepare(story, job, nodeId));
    await story.chapter("start", () => start(story, job, nodeId));
    const worked = await story.chapter("work", () => work(story, job, nodeId));
    return await finish(story, job, worked);
  } catch (error) {
    if (error instanceof RunSuperseded) return null;
    if (error instanceof RunStopped) return error.ending;
    story.deps.logger.error("run.failed", { ...story.params, error });
    const workspace = story.hasPrompted ? "keep" : "remove";
    return { status: "failed", failure: unforeseen(error), output: null, workspace };
  }
}

/** A slot on a node that is connected. While nothing is free the task stays queued. */
async function choose(story: RunStory, job: RunJob): Promise<NodeId> {
  for (let tries = 1; ; tries++) {
    const nodeId = await place(story, job, tries);
    story.nodeId = nodeId;
    const boot = story.deps.config.NODE_BOOT_TIMEOUT_MS + NODE_SLACK_MS;
    const seen = await story.until(`choose: node ${tries}`, "node", job.workspaceId, boot);
    if (seen.kind === "reached") return nodeId;
    if (seen.kind !== "node_lost" || !isReplaceable(seen.failure) || tries > MAX_REPLACEMENTS)
      throw gaveUp(seen, "remove");
  }
}

async function place(story: RunStory, job: RunJob, tries: number): Promise<NodeId> {
  const { env, config } = story.deps;
  const deadline = (await story.now(`choose: from ${tries}`)) + config.TASK_MAX_DURATION_MS;
  for (let ask = 1; ; ask++) {
    const name = `choose: place ${tries}.${ask}`;
    const found = await story.once(name, async () => {
      if (await story.isCancelRequested()) return { cancelled: true } as const;
      const choice = await chooseNode(env, { ownerId: job.ownerId, size: job.size, holder: job.holder });
      return { ...choice, now: story.deps.clock.now() };
    });
    if ("cancelled" in found) throw stopped("cancelled", CANCELLED, "remove");
    if ("nodeId" in found) {
      await story.note(`choose: chosen ${tries}`, {
        kind: "node.chosen",
        data: { nodeId: found.nodeId, how: found.how },
      });
      return found.nodeId;
    }
    if (found.now >= deadline)
      throw stopped("failed", { code: "no_room", message: `${found.wait} Nothing became free in time.` }, "remove");
    await story.nudged(`choose: room ${tries}.${ask}`, lookAgainMs(ask, deadline, found.now));
  }
}

/** A checkout on a branch of the task's own. */
async function prepare(story: RunStory, job: RunJob, nodeId: NodeId): Promise<void> {
  const { deps } = story;
  const { workspaceId, ownerId, task } = job;
  await story.change("prepare: delegate", { kind: "delegate", nodeId, workspaceId });
  await story.once("prepare: ask", async () => {
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
  });
  const seen = await story.until("prepare", "workspace", workspaceId, deps.config.WORKSPACE_READY_TIMEOUT_MS);
  if (seen.kind !== "reached") throw gaveUp(seen, "remove");
  const branch = seen.sight?.workspace.branch ?? job.branch;
  await story.once("prepare: ready", () => setWorkspaceState(deps.env, workspaceId, "ready", { branch }));
  await story.change("prepare: branch", { kind: "name_branch", branch });
}

/** The agent has the prompt and gave its first sign. */
async function start(story: RunStory, job: RunJob, nodeId: NodeId): Promise<void> {
  const { deps } = story;
  story.hasPrompted = true;
  await story.once("start: ask", async () => {
    await projectData(deps, job.task.projectId).linkWorkspace(job.task.sessionId, job.workspaceId);
    await story.node(nodeId).enqueue(job.startCommand);
    await setWorkspaceState(deps.env, job.workspaceId, "busy");
  });
  const seen = await story.until("start", "start", job.workspaceId);
  if (seen.kind === "failed") throw gaveUp(seen, "keep");
  // A cancel and a late agent both need the session to be stopped, which `work` knows how to do.
  if (seen.kind === "overdue") story.startFailure = seen.failure;
  if (seen.kind === "reached") await begun(story, "start: begun");
}

/** The task is in progress with the agent's first sign, not before. */
async function begun(story: RunStory, name: string): Promise<void> {
  if (story.hasStarted) return;
  await story.change(name, { kind: "start" });
  story.hasStarted = true;
}

interface Worked {
  readonly end: SessionEnd;
  /** Why the run stopped the session, if it did. */
  readonly stoppedFor: Failure | null;
}

async function work(story: RunStory, job: RunJob, nodeId: NodeId): Promise<Worked> {
  const reason = story.startFailure ?? (await reasonToStop(story, job.workspaceId));
  if ("end" in reason) return { end: reason.end, stoppedFor: null };
  await story.once("work: stop", () =>
    story.node(nodeId).enqueue({ ...job.cancelCommand, args: { ...job.cancelCommand.args, reason: reason.message } }),
  );
  const seen = await story.until("work: drain", "drain", job.workspaceId);
  const end = seen.sight?.session.end ?? null;
  if (seen.kind === "reached" && end !== null) return { end, stoppedFor: reason };
  throw stopped(
    reason.code === CANCELLED.code ? "cancelled" : "failed",
    reason,
    seen.kind === "failed" ? "lost" : "keep",
  );
}

/** The session's end, or why it has to be stopped. */
async function reasonToStop(story: RunStory, workspaceId: WorkspaceId): Promise<Failure | { end: SessionEnd }> {
  const seen = await story.until("work", "work", workspaceId);
  switch (seen.kind) {
    case "reached": {
      const end = seen.sight?.session.end ?? null;
      if (end === null) throw new Error("a session without an end was taken for one that has ended");
      return { end };
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
  await story.mark("finish", "began");
  // It may have ended before its first sign was seen, while it was being stopped.
  if (end.outcome === "clean") await begun(story, "finish: begun");
  const { projectId, sessionId } = job.task;
  for (let tries = 1; ; tries++) {
    const transcript = await story.once(`finish: verify ${tries}`, () =>
      projectData(story.deps, projectId).verify(sessionId, end.proof),
    );
    if (transcript.agreed || tries === VERIFY_TRIES) return concludeRun(end, transcript, stoppedFor);
    await story.pause(`finish: wait ${tries}`, VERIFY_PAUSE_MS);
  }
}

const VERIFY_TRIES = 5;
const VERIFY_PAUSE_MS = 1000;

/** `kept`: what becomes of the workspace when its node is still there. */
function gaveUp(seen: Seen, kept: "keep" | "remove"): RunStopped {
  switch (seen.kind) {
    case "cancelled":
      return stopped("cancelled", CANCELLED, kept);
    case "overdue":
      return stopped("failed", seen.failure, kept);
    case "node_lost":
      return stopped("failed", seen.failure, "lost");
    case "failed":
      return stopped("failed", seen.failure, isLost(seen) ? "lost" : kept);
    case "wait":
    case "reached":
      throw new Error(`a run gave up on ${seen.kind}`);
    default:
      return assertNever(seen, "decision");
  }
}

/** A workspace on a node that is gone, or that was given up as silent. */
function isLost({ sight }: Seen): boolean {
  if (sight === null || !sight.node.connected) return true;
  return sight.node.state === "destroying" || sight.node.state === "destroyed";
}
