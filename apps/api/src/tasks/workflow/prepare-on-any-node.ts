/**
 * Takes a run to a node with its workspace ready: queue, slot, connection, checkout. If the node is lost before the agent
 * has the prompt, the run releases it and tries another one. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis, NodeId } from "@samovar/base";
import type { Failure, TaskWaiting } from "@samovar/contracts";
import { getDayEnd } from "@samovar/domain/budget";
import { toRank, getQueuePollMs, toQueueTimeout } from "@samovar/domain/task-queue";
import { planPoll, MAX_QUEUE_POLLS } from "@samovar/domain/run-waits";
import { CANCELLED, MAX_REPLACEMENTS } from "@samovar/domain/task-run";
import type { TaskRecord } from "@samovar/domain/task-status";
import { chooseNode } from "../../workspaces/choose-node.ts";
import { within } from "../../within.ts";
import { findWorkspace } from "../../workspaces/store.ts";
import { publishTask } from "../publish.ts";
import { dequeueTask, decideQueueTurn, enqueueTask } from "../queue.ts";
import type { OwnedQueueEntry } from "../queue.ts";
import { findTask } from "../store.ts";
import type { RunJob } from "./run-job.ts";
import { RunSuperseded, stopAfterWait, stopWith } from "./run-context.ts";
import type { RunContext, WaitResult } from "./run-context.ts";

/** Thrown between steps: the node is unusable, and the agent has done nothing on it yet. */
export class NodeLost extends Error {
  override readonly name = "NodeLost";
  readonly nodeId: NodeId;
  readonly failure: Failure;
  readonly step: "choose" | "prepare";

  constructor(nodeId: NodeId, failure: Failure, step: "choose" | "prepare") {
    super(failure.message);
    this.nodeId = nodeId;
    this.failure = failure;
    this.step = step;
  }
}

export interface Prepared {
  readonly nodeId: NodeId;
  /** How many nodes were tried. */
  readonly round: number;
  readonly branch: string;
}

/** Calls `prepare`, which returns the branch, on one node after another until it succeeds. */
export async function prepareOnAnyNode(
  context: RunContext,
  job: RunJob,
  prepare: (nodeId: NodeId, round: number) => Promise<string>,
): Promise<Prepared> {
  const avoid: NodeId[] = [];
  for (let round = 1; ; round++) {
    try {
      const nodeId = await choose(context, job, avoid, round);
      return { nodeId, round, branch: await prepare(nodeId, round) };
    } catch (error) {
      if (!(error instanceof NodeLost)) throw error;
      if (round > MAX_REPLACEMENTS) throw stopWith("failed", error.failure, "lost");
      avoid.push(error.nodeId);
      await abandonNode(context, job, error, round);
    }
  }
}

/** Releases, once the task has ended, the slots that were requested from objects that did not answer. */
export async function releaseOrphanedSlots(context: RunContext, job: RunJob): Promise<void> {
  for (const nodeId of new Set(context.orphanedSlots)) {
    if (nodeId !== context.nodeId)
      await context.attempt(`end: release ${nodeId}`, () => releaseNode(context, job, nodeId));
  }
}

/** Gets a slot on a node and waits until the node is connected. While no slot is available the task stays queued. */
async function choose(context: RunContext, job: RunJob, avoid: readonly NodeId[], round: number): Promise<NodeId> {
  const { nodeId, first } = await waitForSlot(context, job, avoid, round);
  context.nodeId = nodeId;
  const result = await context.until(`choose: node ${round}`, "node", job.workspaceId, { first });
  if (result.kind === "node_lost") throw new NodeLost(nodeId, result.failure, "choose");
  if (result.kind !== "reached") throw stopAfterWait(result, "remove");
  return nodeId;
}

/** Queues the task again. The destroy command undoes whatever the lost node may still do once it is back. */
async function abandonNode(context: RunContext, job: RunJob, lost: NodeLost, round: number): Promise<void> {
  const { nodeId, failure, step } = lost;
  context.nodeId = null;
  const isReleased = await context.once(`choose: release ${round}`, async () => {
    const data = { message: `Trying another node: ${failure.message}`, code: failure.code, nodeId };
    const lostEvent = context.event(`choose: lost ${round}`, { kind: "warning.raised", data });
    await context.record(context.mark(step, "finished", round), lostEvent);
    return within(ANSWER_MS, releaseNode(context, job, nodeId)).then(
      () => true,
      () => false,
    );
  });
  if (!isReleased) context.orphanedSlots.push(nodeId);
  await context.change(`choose: requeue ${round}`, { kind: "requeue", reason: failure.message });
}

/** An object that takes longer than this is tried again after the run has ended. */
const ANSWER_MS = 10_000;

async function releaseNode(context: RunContext, { workspaceId }: RunJob, nodeId: NodeId): Promise<void> {
  const node = context.node(nodeId);
  await node.enqueue({
    id: `${context.params.runId}:workspace.destroy`,
    kind: "workspace.destroy",
    args: { workspaceId },
  });
  await node.release(workspaceId);
}

/** `first`: the first poll of the node. */
interface SlotTaken {
  readonly kind: "taken";
  readonly nodeId: NodeId;
  readonly first: WaitResult;
  readonly unanswered: readonly NodeId[];
}

type SlotPoll =
  | SlotTaken
  | { readonly kind: "unreachable"; readonly nodeId: NodeId; readonly unanswered: readonly NodeId[] }
  | { readonly kind: "wait"; readonly code: TaskWaiting["code"]; readonly unanswered: readonly NodeId[] }
  | { readonly kind: "cancelled" }
  | { readonly kind: "superseded" };

async function waitForSlot(
  context: RunContext,
  job: RunJob,
  avoid: readonly NodeId[],
  round: number,
): Promise<SlotTaken> {
  const timeoutMs = context.deps.config.TASK_QUEUE_TIMEOUT_MS;
  for (let polls = 0, from: Millis | null = null; ; polls++) {
    const { found, now } = await context.once(`choose: poll ${round}.${polls + 1}`, async () => {
      const at = context.deps.clock.now();
      return { found: await pollForSlot(context, job, avoid, round, at), now: at };
    });
    from ??= now;
    if ("unanswered" in found) context.orphanedSlots.push(...found.unanswered);
    switch (found.kind) {
      case "taken":
        return found;
      case "unreachable":
        throw new NodeLost(found.nodeId, NO_ANSWER, "choose");
      case "cancelled":
        throw stopWith("cancelled", CANCELLED, "remove");
      case "superseded":
        throw new RunSuperseded("The task is no longer queued for this run.");
      case "wait":
        if (now - from >= timeoutMs) throw stopWith("failed", toQueueTimeout(found.code, now - from), "remove");
        await pauseInQueue(context, `${round}.${polls + 1}`, {
          polls,
          timeoutMs,
          deadline: getNextMoment(found.code, from + timeoutMs, now),
          now,
        });
        break;
      default:
        return assertNever(found, "found");
    }
  }
}

/** When something changes by time alone: the wait's deadline, or the end of the day whose budget is used up. */
const getNextMoment = (code: TaskWaiting["code"], deadline: Millis, now: Millis): Millis =>
  code === "budget" ? Math.min(deadline, getDayEnd(now)) : deadline;

/** Waits for a signal or the next poll; after very many polls it ignores signals for a while. */
async function pauseInQueue(
  context: RunContext,
  name: string,
  at: { readonly polls: number; readonly timeoutMs: number; readonly deadline: Millis; readonly now: Millis },
): Promise<void> {
  const taken = { polls: at.polls, unchanged: 0, maxPolls: MAX_QUEUE_POLLS, isSilent: false };
  const { sleepMs } = planPoll(taken, at.timeoutMs, at.deadline, at.now);
  if (sleepMs > 0) await context.pause(`wait: pause ${name}`, sleepMs);
  else await context.waitForSignal(`wait: signal ${name}`, getQueuePollMs(at.polls, at.deadline, at.now));
}

const NO_ANSWER: Failure = {
  code: "node_unreachable",
  message: "The control plane's object for the new node did not answer. Retry the task; it will get another node.",
};

/** One poll. Repeatable: a run that already holds a slot is not queued for it again. */
async function pollForSlot(
  context: RunContext,
  job: RunJob,
  avoid: readonly NodeId[],
  round: number,
  now: Millis,
): Promise<SlotPoll> {
  const { deps, params } = context;
  const task = await findTask(deps.db, params.taskId);
  if (task === null || task.runId !== params.runId || task.status !== "queued") return { kind: "superseded" };
  if (task.cancelRequested) return { kind: "cancelled" };
  const self: OwnedQueueEntry = {
    taskId: task.id,
    runId: params.runId,
    ownerId: job.ownerId,
    size: job.size,
    rank: toRank(task.priority),
    queuedAt: job.task.updatedAt,
  };
  const intended = await findWorkspace(deps.db, job.workspaceId);
  const mayHoldSlot = intended !== null && !avoid.includes(intended.nodeId);
  const code = mayHoldSlot ? null : await enqueueOrProceed(context, self, task, avoid, round, now);
  return code === null ? takeSlot(context, job, self, task, avoid, round) : { kind: "wait", code, unanswered: [] };
}

/** Returns why the task has to wait, or null. After it is enqueued it checks again: a slot freed just before could not have signalled it. */
async function enqueueOrProceed(
  context: RunContext,
  self: OwnedQueueEntry,
  task: TaskRecord,
  avoid: readonly NodeId[],
  round: number,
  now: Millis,
): Promise<TaskWaiting["code"] | null> {
  const { deps } = context;
  const turn = await decideQueueTurn(deps, self, task, avoid, now, false);
  if (turn.kind === "dequeue") return null;
  const first = turn.kind === "enqueue" ? WAITS_FOR_SLOT : turn;
  const isNew = await enqueueTask(deps.db, self, first, now);
  await context.record(context.mark("wait", "started", round, now));
  const again = isNew || turn.kind === "enqueue";
  const last = again ? await decideQueueTurn(deps, self, task, avoid, deps.clock.now(), true) : first;
  if (last.kind !== "wait") return null;
  if (last.code !== first.code) await enqueueTask(deps.db, self, last, now);
  await publishTask(deps, task, []);
  return last.code;
}

const WAITS_FOR_SLOT = { kind: "wait", code: "capacity", blockedBy: [] } as const;

async function takeSlot(
  context: RunContext,
  job: RunJob,
  self: OwnedQueueEntry,
  task: TaskRecord,
  avoid: readonly NodeId[],
  round: number,
): Promise<SlotPoll> {
  const { deps } = context;
  const startedAt = deps.clock.now();
  const { ownerId, size, lease } = job;
  const choice = await chooseNode(deps.env, { ownerId, size, lease, avoid });
  const { unanswered } = choice;
  if ("wait" in choice) {
    const now = deps.clock.now();
    await enqueueTask(deps.db, self, WAITS_FOR_SLOT, now);
    await context.record(context.mark("wait", "started", round, now));
    await publishTask(deps, task, []);
    return { kind: "wait", code: "capacity", unanswered };
  }
  const waited = (await dequeueTask(deps.db, task.id)) ? [context.mark("wait", "finished", round, startedAt)] : [];
  const marks = [...waited, context.mark("choose", "started", round, startedAt)];
  if ("unreachable" in choice) {
    await context.record(...marks);
    return { kind: "unreachable", nodeId: choice.unreachable, unanswered };
  }
  const { nodeId, how } = choice;
  const chosen = context.event(`choose: chosen ${round}`, { kind: "node.chosen", data: { nodeId, how } });
  await context.record(...marks, chosen);
  return { kind: "taken", nodeId, first: await context.poll("node", job.workspaceId, nodeId), unanswered };
}
