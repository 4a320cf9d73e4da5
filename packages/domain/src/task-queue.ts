/**
 * The queue of tasks: which task may take a slot, and which one waits and why. A task waits while the tasks ahead of it need
 * all available slots. An entry whose run has not polled for a long time does not count, so a dead run blocks no other. Keeps T1.
 */
import type { Millis, NodeId, TaskId } from "@samovar/base";
import type { NodeStateName, TaskStatus, TaskWaiting, VmSize } from "@samovar/contracts";
import { BUDGET_EXCEEDED, formatBudgetWait } from "./budget.ts";
import type { ReachedLimit } from "./budget.ts";
import { RECONNECT_GRACE_MS } from "./node-lifecycle.ts";

/** A task's entry in the queue of one owner and size. */
export interface QueueEntry {
  readonly taskId: TaskId;
  /** Lower ranks go first; see {@link toRank}. */
  readonly rank: number;
  readonly queuedAt: Millis;
}

export interface PolledQueueEntry extends QueueEntry {
  readonly polledAt: Millis;
}

/** The rank of a priority: urgent (1) first, low (4) late, none (0) last. */
export const toRank = (priority: number): number => (priority === 0 ? 5 : priority);

/** Orders entries by rank, then age, then id. */
export function compareEntries(a: QueueEntry, b: QueueEntry): number {
  return a.rank - b.rank || a.queuedAt - b.queuedAt || (a.taskId < b.taskId ? -1 : Number(a.taskId > b.taskId));
}

/** The longest time between two polls of a queued run. Signals normally wake it; polls make up for lost ones. */
export const MAX_QUEUE_POLL_MS = 15 * 60_000;
/** A run that has not polled for this long is dead. */
export const STALE_ENTRY_MS = 3 * MAX_QUEUE_POLL_MS;

/** A queued run's first wait for a signal. */
const FIRST_QUEUE_POLL_MS = 15_000;

/** How long to wait for a signal, in milliseconds, after `polls` polls. A day's wait takes about a hundred polls. `deadline`: the end of the wait, or an earlier moment at which something changes. */
export function getQueuePollMs(polls: number, deadline: Millis, now: Millis): number {
  const growing = Math.min(MAX_QUEUE_POLL_MS, FIRST_QUEUE_POLL_MS * 2 ** Math.min(polls, 20));
  return Math.max(1000, Math.min(growing, deadline - now));
}

/** One of the owner's nodes, from its row in the database. */
export interface NodeCapacity {
  readonly id: NodeId;
  readonly size: VmSize;
  readonly state: NodeStateName;
  readonly slots: number;
  /** Slots that new work cannot take. */
  readonly taken: number;
  readonly unreachableSince: Millis | null;
  readonly maxLifetimeAt: Millis;
}

export interface CapacityLimits {
  readonly size: VmSize;
  readonly maxNodes: number;
  readonly slotsPerNode: number;
  /** Nodes that this task must not use. */
  readonly avoid: readonly NodeId[];
}

/** Available slots: free ones on nodes of the size, plus those of nodes that may still be created. */
export function countAvailableSlots(nodes: readonly NodeCapacity[], limits: CapacityLimits, now: Millis): number {
  const alive = nodes.filter((node) => node.state !== "destroyed");
  const free = alive
    .filter((node) => node.size === limits.size && acceptsWork(node, now) && !limits.avoid.includes(node.id))
    .reduce((sum, node) => sum + Math.max(0, node.slots - node.taken), 0);
  return free + Math.max(0, limits.maxNodes - alive.length) * limits.slotsPerNode;
}

/** Whether a node appears to accept work. Its object decides. */
export function acceptsWork(
  { state, unreachableSince, maxLifetimeAt }: Pick<NodeCapacity, "state" | "unreachableSince" | "maxLifetimeAt">,
  now: Millis,
): boolean {
  const takes = state === "warm" || state === "active" || state === "provisioning";
  const isReachable = unreachableSince === null || now - unreachableSince < RECONNECT_GRACE_MS;
  return takes && isReachable && now < maxLifetimeAt;
}

/** A task that another one depends on. `status` is null when the task no longer exists. */
export interface Dependency {
  readonly taskId: TaskId;
  readonly status: TaskStatus | null;
}

export type DequeueDecision =
  | { readonly kind: "dequeue" }
  /** More tasks want a slot than there are: enqueue, then poll again, so that the order decides. */
  | { readonly kind: "enqueue" }
  /** `blockedBy`: unfinished dependencies, those that need a person first. */
  | { readonly kind: "wait"; readonly code: TaskWaiting["code"]; readonly blockedBy: readonly TaskId[] };

/** `queue`: at least its first `availableSlots` entries. `queuedTasks`: how many the owner has. `isEnqueued`: this task has an entry already. */
export function decideDequeue(facts: {
  readonly self: QueueEntry;
  readonly dependencies: readonly Dependency[];
  /** A limit of the day is reached. */
  readonly isBudgetUsed: boolean;
  readonly queue: readonly PolledQueueEntry[];
  readonly availableSlots: number;
  readonly queuedTasks: number;
  readonly isEnqueued: boolean;
  readonly now: Millis;
}): DequeueDecision {
  const unfinished = facts.dependencies.filter(({ status }) => status !== "completed");
  if (unfinished.length > 0) {
    const failed = unfinished.filter(needsPerson);
    const blockedBy = [...failed, ...unfinished.filter((each) => !needsPerson(each))].map((each) => each.taskId);
    return { kind: "wait", code: failed.length > 0 ? "dependency_failed" : "dependencies", blockedBy };
  }
  if (facts.isBudgetUsed) return { kind: "wait", code: "budget", blockedBy: [] };
  const ahead = facts.queue.filter((entry) => isBefore(entry, facts.self) && !isStale(entry, facts.now)).length;
  if (ahead >= facts.availableSlots) return { kind: "wait", code: "capacity", blockedBy: [] };
  return facts.isEnqueued || facts.queuedTasks <= facts.availableSlots ? { kind: "dequeue" } : { kind: "enqueue" };
}

const needsPerson = ({ status }: Dependency) => status === "failed" || status === "cancelled" || status === null;

const isBefore = (entry: QueueEntry, self: QueueEntry) =>
  entry.taskId !== self.taskId && compareEntries(entry, self) < 0;

const isStale = ({ polledAt }: PolledQueueEntry, now: Millis) => now - polledAt > STALE_ENTRY_MS;

/** Why a task waits, as a sentence for a person. */
export function formatWaiting(
  code: TaskWaiting["code"],
  facts: {
    readonly ahead: number;
    readonly aliveNodes: number;
    readonly maxNodes: number;
    /** In the order of `blockedBy`. `title` is null for a task that no longer exists. */
    readonly blockers: readonly { readonly title: string | null; readonly status: TaskStatus | null }[];
    /** The limit of the day; null when it was raised in the meantime. */
    readonly reached: ReachedLimit | null;
  },
): string {
  const { ahead, aliveNodes, maxNodes, blockers, reached } = facts;
  if (code === "budget") return reached === null ? "Waits for today's budget." : formatBudgetWait(reached);
  if (code === "capacity") {
    const busy =
      aliveNodes < maxNodes ? "" : maxNodes === 1 ? "the node is busy, " : `all ${maxNodes} nodes are busy, `;
    const before =
      ahead === 0 ? "it is next" : ahead === 1 ? "1 task is ahead of it" : `${ahead} tasks are ahead of it`;
    return `Waits for a slot: ${busy}${before}.`;
  }
  const [first] = blockers;
  const name = first?.title == null ? "a deleted task" : `“${first.title}”`;
  const more = blockers.length > 1 ? ` and ${blockers.length - 1} more` : "";
  if (code === "dependencies") return `Waits for ${name}${more}.`;
  const problem =
    first?.status === "failed" || first?.status === "cancelled" ? PROBLEMS[first.status] : "cannot be completed";
  return `Waits for ${name}${more}: it ${problem}. Retry it, or remove it from this task's dependencies.`;
}

const PROBLEMS = { failed: "has failed", cancelled: "was cancelled" } as const;

/** The failure of a task that waited too long. */
export function toQueueTimeout(
  code: TaskWaiting["code"],
  waitedMs: number,
): { readonly code: string; readonly message: string } {
  const hours = Math.round(waitedMs / 360_000) / 10;
  const time = hours >= 1 ? `${hours} h` : `${Math.max(1, Math.round(waitedMs / 60_000))} min`;
  if (code === "budget") {
    return {
      code: BUDGET_EXCEEDED,
      message: `The limit of the day left no budget for this task in ${time}. Raise the limit in Settings → Budget or in the project's settings, then try again.`,
    };
  }
  return code === "capacity"
    ? {
        code: "no_capacity",
        message: `No slot became available in ${time}. Finish tasks, destroy retained workspaces or raise MAX_NODES_PER_USER, then try again.`,
      }
    : {
        code: "dependency_timeout",
        message: `The tasks that it depends on were not completed in ${time}. Complete them or remove the dependencies, then try again.`,
      };
}

/**
 * The dependency cycle that these dependencies would close, from the task back to itself; null when there is none.
 * `edges`: the dependencies of each reachable task.
 */
export function findCycle(
  taskId: TaskId,
  dependsOn: readonly TaskId[],
  edges: ReadonlyMap<TaskId, readonly TaskId[]>,
): readonly TaskId[] | null {
  const cameFrom = new Map<TaskId, TaskId>(dependsOn.map((id) => [id, taskId]));
  const open = [...cameFrom.keys()];
  for (let at = open.shift(); at !== undefined; at = open.shift()) {
    if (at === taskId) return tracePath(taskId, cameFrom);
    for (const next of edges.get(at) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      open.push(next);
    }
  }
  return null;
}

function tracePath(taskId: TaskId, cameFrom: ReadonlyMap<TaskId, TaskId>): readonly TaskId[] {
  const path = [taskId];
  for (let at = cameFrom.get(taskId); at !== undefined && at !== taskId; at = cameFrom.get(at)) path.unshift(at);
  return [taskId, ...path];
}
