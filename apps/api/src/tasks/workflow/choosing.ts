/**
 * A run's way to a machine that has its workspace ready: in line until there is room, a slot, the machine's connection,
 * the checkout. A machine that is lost before the agent has the prompt is let go, and another one is taken. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis, NodeId } from "@samovar/base";
import type { Failure, TaskWaiting } from "@samovar/contracts";
import { toRank, getQueuePollMs, toQueueTimeout } from "@samovar/domain/task-queue";
import { planPoll, MAX_QUEUE_POLLS } from "@samovar/domain/run-waits";
import { CANCELLED, MAX_REPLACEMENTS } from "@samovar/domain/task-run";
import type { TaskRecord } from "@samovar/domain/task-status";
import { chooseNode } from "../../workspaces/choose-node.ts";
import { within } from "../../within.ts";
import { findWorkspace } from "../../workspaces/store.ts";
import { publishTask } from "../publish.ts";
import { leaveLine, lookAtLine, standInLine } from "../queue.ts";
import type { InLine } from "../queue.ts";
import { findTask } from "../store.ts";
import type { RunJob } from "./run-job.ts";
import { gaveUp, RunSuperseded, stopped } from "./run-story.ts";
import type { RunStory, Seen } from "./run-story.ts";

/** Thrown between steps: this machine is of no use, and nothing was done on it. */
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

/** The machine on which `prepare` has worked; each round is on another one. `prepare` answers the branch. */
export async function onSomeNode(
  story: RunStory,
  job: RunJob,
  prepare: (nodeId: NodeId, round: number) => Promise<string>,
): Promise<Prepared> {
  const avoid: NodeId[] = [];
  for (let round = 1; ; round++) {
    try {
      const nodeId = await choose(story, job, avoid, round);
      return { nodeId, round, branch: await prepare(nodeId, round) };
    } catch (error) {
      if (!(error instanceof NodeLost)) throw error;
      if (round > MAX_REPLACEMENTS) throw stopped("failed", error.failure, "lost");
      avoid.push(error.nodeId);
      await leave(story, job, error, round);
    }
  }
}

/** Slots that were asked for where nobody answered: they are given back once the task has ended. */
export async function letStraysGo(story: RunStory, job: RunJob): Promise<void> {
  for (const nodeId of new Set(story.strays)) {
    if (nodeId !== story.nodeId) await story.attempt(`end: stray ${nodeId}`, () => letGo(story, job, nodeId));
  }
}

/** A slot on a node that is connected. While nothing is free the task stays queued. */
async function choose(story: RunStory, job: RunJob, avoid: readonly NodeId[], round: number): Promise<NodeId> {
  const { nodeId, seen: first } = await place(story, job, avoid, round);
  story.nodeId = nodeId;
  const seen = await story.until(`choose: node ${round}`, "node", job.workspaceId, { seen: first });
  if (seen.kind === "node_lost") throw new NodeLost(nodeId, seen.failure, "choose");
  if (seen.kind !== "reached") throw gaveUp(seen, "remove");
  return nodeId;
}

/** Back in line. What the machine may still do is undone when it comes back. */
async function leave(story: RunStory, job: RunJob, lost: NodeLost, round: number): Promise<void> {
  const { nodeId, failure, step } = lost;
  story.nodeId = null;
  const isFree = await story.once(`choose: let go ${round}`, async () => {
    const data = { message: `Another machine is taken: ${failure.message}`, code: failure.code, nodeId };
    const lostEvent = story.event(`choose: lost ${round}`, { kind: "warning.raised", data });
    await story.record(story.mark(step, "finished", round), lostEvent);
    return within(ANSWER_MS, letGo(story, job, nodeId)).then(
      () => true,
      () => false,
    );
  });
  if (!isFree) story.strays.push(nodeId);
  await story.change(`choose: requeue ${round}`, { kind: "requeue", reason: failure.message });
}

/** An object that does not answer in this time is tried again when the run has ended. */
const ANSWER_MS = 10_000;

async function letGo(story: RunStory, { workspaceId }: RunJob, nodeId: NodeId): Promise<void> {
  const node = story.node(nodeId);
  await node.enqueue({
    id: `${story.params.runId}:workspace.destroy`,
    kind: "workspace.destroy",
    args: { workspaceId },
  });
  await node.release(workspaceId);
}

/** `seen`: the first look at the node. */
interface Placed {
  readonly kind: "placed";
  readonly nodeId: NodeId;
  readonly seen: Seen;
  readonly doubtful: readonly NodeId[];
}

type Found =
  | Placed
  | { readonly kind: "unreachable"; readonly nodeId: NodeId; readonly doubtful: readonly NodeId[] }
  | { readonly kind: "wait"; readonly code: TaskWaiting["code"]; readonly doubtful: readonly NodeId[] }
  | { readonly kind: "cancelled" }
  | { readonly kind: "superseded" };

async function place(story: RunStory, job: RunJob, avoid: readonly NodeId[], round: number): Promise<Placed> {
  const patienceMs = story.deps.config.TASK_QUEUE_TIMEOUT_MS;
  for (let looks = 0, from: Millis | null = null; ; looks++) {
    const { found, now } = await story.once(`choose: look ${round}.${looks + 1}`, async () => {
      const at = story.deps.clock.now();
      return { found: await lookForRoom(story, job, avoid, round, at), now: at };
    });
    from ??= now;
    if ("doubtful" in found) story.strays.push(...found.doubtful);
    switch (found.kind) {
      case "placed":
        return found;
      case "unreachable":
        throw new NodeLost(found.nodeId, NO_ANSWER, "choose");
      case "cancelled":
        throw stopped("cancelled", CANCELLED, "remove");
      case "superseded":
        throw new RunSuperseded("The task is not queued for this run any more.");
      case "wait":
        if (now - from >= patienceMs) throw stopped("failed", toQueueTimeout(found.code, now - from), "remove");
        await rest(story, `${round}.${looks + 1}`, { looks, patienceMs, deadline: from + patienceMs, now });
        break;
      default:
        return assertNever(found, "found");
    }
  }
}

/** Until a nudge or the next look; where nudges were many, until the next look. */
async function rest(
  story: RunStory,
  name: string,
  at: { readonly looks: number; readonly patienceMs: number; readonly deadline: Millis; readonly now: Millis },
): Promise<void> {
  const taken = { polls: at.looks, unchanged: 0, maxPolls: MAX_QUEUE_POLLS, isSilent: false };
  const { sleepMs } = planPoll(taken, at.patienceMs, at.deadline, at.now);
  if (sleepMs > 0) await story.pause(`wait: pause ${name}`, sleepMs);
  else await story.nudged(`wait: nudge ${name}`, getQueuePollMs(at.looks, at.deadline, at.now));
}

const NO_ANSWER: Failure = {
  code: "node_unreachable",
  message: "What watches over the new machine did not answer. Try the task again; it will get another machine.",
};

/** One look, repeatable: whoever holds a slot already is not put in line for it again. */
async function lookForRoom(
  story: RunStory,
  job: RunJob,
  avoid: readonly NodeId[],
  round: number,
  now: Millis,
): Promise<Found> {
  const { deps, params } = story;
  const task = await findTask(deps.db, params.taskId);
  if (task === null || task.runId !== params.runId || task.status !== "queued") return { kind: "superseded" };
  if (task.cancelRequested) return { kind: "cancelled" };
  const self: InLine = {
    taskId: task.id,
    runId: params.runId,
    ownerId: job.ownerId,
    size: job.size,
    rank: toRank(task.priority),
    queuedAt: job.task.updatedAt,
  };
  const intended = await findWorkspace(deps.db, job.workspaceId);
  const mayHold = intended !== null && !avoid.includes(intended.nodeId);
  const code = mayHold ? null : await standOrGo(story, self, task, avoid, round, now);
  return code === null ? take(story, job, self, task, avoid, round) : { kind: "wait", code, doubtful: [] };
}

/** Why it has to wait, or null. Who takes a new place looks again: room may have come before anybody knew of it. */
async function standOrGo(
  story: RunStory,
  self: InLine,
  task: TaskRecord,
  avoid: readonly NodeId[],
  round: number,
  now: Millis,
): Promise<TaskWaiting["code"] | null> {
  const { deps } = story;
  const turn = await lookAtLine(deps, self, task, avoid, now, false);
  if (turn.kind === "dequeue") return null;
  const first = turn.kind === "enqueue" ? FOR_ROOM : turn;
  const isNews = await standInLine(deps.db, self, first, now);
  await story.record(story.mark("wait", "started", round, now));
  const again = isNews || turn.kind === "enqueue";
  const last = again ? await lookAtLine(deps, self, task, avoid, deps.clock.now(), true) : first;
  if (last.kind !== "wait") return null;
  if (last.code !== first.code) await standInLine(deps.db, self, last, now);
  await publishTask(deps, task, []);
  return last.code;
}

const FOR_ROOM = { kind: "wait", code: "capacity", blockedBy: [] } as const;

async function take(
  story: RunStory,
  job: RunJob,
  self: InLine,
  task: TaskRecord,
  avoid: readonly NodeId[],
  round: number,
): Promise<Found> {
  const { deps } = story;
  const began = deps.clock.now();
  const { ownerId, size, lease } = job;
  const choice = await chooseNode(deps.env, { ownerId, size, lease, avoid });
  const { doubtful } = choice;
  if ("wait" in choice) {
    const now = deps.clock.now();
    await standInLine(deps.db, self, FOR_ROOM, now);
    await story.record(story.mark("wait", "started", round, now));
    await publishTask(deps, task, []);
    return { kind: "wait", code: "capacity", doubtful };
  }
  const waited = (await leaveLine(deps.db, task.id)) ? [story.mark("wait", "finished", round, began)] : [];
  const marks = [...waited, story.mark("choose", "started", round, began)];
  if ("unreachable" in choice) {
    await story.record(...marks);
    return { kind: "unreachable", nodeId: choice.unreachable, doubtful };
  }
  const { nodeId, how } = choice;
  const chosen = story.event(`choose: chosen ${round}`, { kind: "node.chosen", data: { nodeId, how } });
  await story.record(...marks, chosen);
  return { kind: "placed", nodeId, seen: await story.look("node", job.workspaceId, nodeId), doubtful };
}
