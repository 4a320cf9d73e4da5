/**
 * The line of queued tasks: who may take room, and who waits and why. A task takes no room while as many tasks stand
 * before it as there is room; a place whose run has not looked for long does not count, so a dead run blocks nobody. Keeps T1.
 */
import type { Millis, NodeId, TaskId } from "@samovar/base";
import type { NodeStateName, TaskStatus, TaskWaiting, VmSize } from "@samovar/contracts";
import { RECONNECT_GRACE_MS } from "./node-lifecycle.ts";

/** A place in the line of one owner and size. */
export interface Place {
  readonly taskId: TaskId;
  /** Lower goes first; see {@link rankOf}. */
  readonly rank: number;
  readonly queuedAt: Millis;
}

export interface LookedAtPlace extends Place {
  readonly lookedAt: Millis;
}

/** Urgent (1) goes first, low (4) late, none (0) last. */
export const rankOf = (priority: number): number => (priority === 0 ? 5 : priority);

/** By rank, then by age, then by id. */
export function comparePlaces(a: Place, b: Place): number {
  return a.rank - b.rank || a.queuedAt - b.queuedAt || (a.taskId < b.taskId ? -1 : Number(a.taskId > b.taskId));
}

/** The longest time between two looks of a run in line: nudges do the work, this is for one that was lost. */
export const SLOWEST_TURN_LOOK_MS = 15 * 60_000;
/** A run that has not looked for so long is not there any more. */
export const STALE_PLACE_MS = 3 * SLOWEST_TURN_LOOK_MS;

/** The first wait of one in line for a nudge. */
const FIRST_TURN_LOOK_MS = 15_000;

/** How long to wait for a nudge; `looks`: taken so far. A day's wait takes about a hundred looks. */
export function turnLookMs(looks: number, deadline: Millis, now: Millis): number {
  const growing = Math.min(SLOWEST_TURN_LOOK_MS, FIRST_TURN_LOOK_MS * 2 ** Math.min(looks, 20));
  return Math.max(1000, Math.min(growing, deadline - now));
}

/** A node of the owner, as its row tells it. */
export interface NodeRoom {
  readonly id: NodeId;
  readonly size: VmSize;
  readonly state: NodeStateName;
  readonly slots: number;
  /** Slots that new work cannot have. */
  readonly taken: number;
  readonly unreachableSince: Millis | null;
  readonly maxLifetimeAt: Millis;
}

export interface RoomLimits {
  readonly size: VmSize;
  readonly maxNodes: number;
  readonly slotsPerNode: number;
  /** Nodes that are of no use to this task. */
  readonly avoid: readonly NodeId[];
}

/** Slots that can be had: free ones on nodes of the size, and those of nodes that may still be made. */
export function freeRoom(nodes: readonly NodeRoom[], limits: RoomLimits, now: Millis): number {
  const alive = nodes.filter((node) => node.state !== "destroyed");
  const free = alive
    .filter((node) => node.size === limits.size && acceptsWork(node, now) && !limits.avoid.includes(node.id))
    .reduce((sum, node) => sum + Math.max(0, node.slots - node.taken), 0);
  return free + Math.max(0, limits.maxNodes - alive.length) * limits.slotsPerNode;
}

/** Whether a node seems to take work. Its object has the last word. */
export function acceptsWork(
  { state, unreachableSince, maxLifetimeAt }: Pick<NodeRoom, "state" | "unreachableSince" | "maxLifetimeAt">,
  now: Millis,
): boolean {
  const takes = state === "warm" || state === "active" || state === "provisioning";
  const isReachable = unreachableSince === null || now - unreachableSince < RECONNECT_GRACE_MS;
  return takes && isReachable && now < maxLifetimeAt;
}

/** A task that another depends on; status null: there is no such task any more. */
export interface Dependency {
  readonly taskId: TaskId;
  readonly status: TaskStatus | null;
}

export type Turn =
  | { readonly kind: "go" }
  /** More tasks want room than there is: take a place, then look again, so that their order counts. */
  | { readonly kind: "stand" }
  /** `blockedBy`: unfinished dependencies, those that somebody must see to first. */
  | { readonly kind: "wait"; readonly code: TaskWaiting["code"]; readonly blockedBy: readonly TaskId[] };

/** `line`: at least its first `room` places. `wanting`: the owner's queued tasks. `stands`: this one has a place already. */
export function decideTurn(look: {
  readonly self: Place;
  readonly dependencies: readonly Dependency[];
  readonly line: readonly LookedAtPlace[];
  readonly room: number;
  readonly wanting: number;
  readonly stands: boolean;
  readonly now: Millis;
}): Turn {
  const unfinished = look.dependencies.filter(({ status }) => status !== "completed");
  if (unfinished.length > 0) {
    const failed = unfinished.filter(needsSomebody);
    const blockedBy = [...failed, ...unfinished.filter((each) => !needsSomebody(each))].map((each) => each.taskId);
    return { kind: "wait", code: failed.length > 0 ? "dependency_failed" : "dependencies", blockedBy };
  }
  const ahead = look.line.filter((place) => isBefore(place, look.self) && !isStale(place, look.now)).length;
  if (ahead >= look.room) return { kind: "wait", code: "room", blockedBy: [] };
  return look.stands || look.wanting <= look.room ? { kind: "go" } : { kind: "stand" };
}

const needsSomebody = ({ status }: Dependency) => status === "failed" || status === "cancelled" || status === null;

const isBefore = (place: Place, self: Place) => place.taskId !== self.taskId && comparePlaces(place, self) < 0;

const isStale = ({ lookedAt }: LookedAtPlace, now: Millis) => now - lookedAt > STALE_PLACE_MS;

/** What a person is told of a wait. */
export function waitingMessage(
  code: TaskWaiting["code"],
  facts: {
    readonly ahead: number;
    readonly aliveNodes: number;
    readonly maxNodes: number;
    /** In the order of `blockedBy`; one without a title is gone. */
    readonly blockers: readonly { readonly title: string | null; readonly status: TaskStatus | null }[];
  },
): string {
  const { ahead, aliveNodes, maxNodes, blockers } = facts;
  if (code === "room") {
    const busy =
      aliveNodes < maxNodes ? "" : maxNodes === 1 ? "the machine is busy, " : `all ${maxNodes} machines are busy, `;
    const before = ahead === 0 ? "it is next" : ahead === 1 ? "1 task is before it" : `${ahead} tasks are before it`;
    return `Waits for room: ${busy}${before}.`;
  }
  const [first] = blockers;
  const name = first?.title == null ? "a task that is gone" : `“${first.title}”`;
  const more = blockers.length > 1 ? ` and ${blockers.length - 1} more` : "";
  if (code === "dependencies") return `Waits for ${name}${more}.`;
  const what = first?.status === "failed" || first?.status === "cancelled" ? ` ${WORDS[first.status]}` : "";
  return `Waits for ${name}${more}: that one${what === "" ? " can not be completed" : what}. Try it again, or take it off this task's dependencies.`;
}

const WORDS = { failed: "has failed", cancelled: "was cancelled" } as const;

/** Why a task that waited too long was given up. */
export function waitedTooLong(
  code: TaskWaiting["code"],
  waitedMs: number,
): { readonly code: string; readonly message: string } {
  const hours = Math.round(waitedMs / 360_000) / 10;
  const time = hours >= 1 ? `${hours} h` : `${Math.max(1, Math.round(waitedMs / 60_000))} min`;
  return code === "room"
    ? {
        code: "no_room",
        message: `Nothing became free in ${time}. Finish or destroy what holds the machines, or raise MAX_NODES_PER_USER, then try again.`,
      }
    : {
        code: "dependency_timeout",
        message: `The tasks that it depends on were not completed in ${time}. See to them, then try again.`,
      };
}

/**
 * The circle that these dependencies would close, from the task back to itself; null when there is none.
 * `edges`: what each task that can be reached depends on.
 */
export function findCircle(
  taskId: TaskId,
  dependsOn: readonly TaskId[],
  edges: ReadonlyMap<TaskId, readonly TaskId[]>,
): readonly TaskId[] | null {
  const cameFrom = new Map<TaskId, TaskId>(dependsOn.map((id) => [id, taskId]));
  const open = [...cameFrom.keys()];
  for (let at = open.shift(); at !== undefined; at = open.shift()) {
    if (at === taskId) return wayTo(taskId, cameFrom);
    for (const next of edges.get(at) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      open.push(next);
    }
  }
  return null;
}

function wayTo(taskId: TaskId, cameFrom: ReadonlyMap<TaskId, TaskId>): readonly TaskId[] {
  const way = [taskId];
  for (let at = cameFrom.get(taskId); at !== undefined && at !== taskId; at = cameFrom.get(at)) way.unshift(at);
  return [taskId, ...way];
}
