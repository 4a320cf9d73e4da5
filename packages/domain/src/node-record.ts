/**
 * What a NodeLifecycle object knows about its node, and the alarms that it needs. Alarms are derived
 * from the record, never stored as a second truth: deriving them again repairs any lost alarm.
 */
import type { Millis, NodeId, ProjectId, RunId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type { Failure, NodeStateName } from "@samovar/contracts";

export interface NodeSettings {
  /** Workspaces that may work on the node at once. */
  readonly slots: number;
  /** Retained workspaces that use no slot; each further one uses one, to limit disk use. */
  readonly retainedWithoutSlot: number;
  readonly idleGraceMs: number;
  readonly warmTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly hardLifetimeMs: number;
  readonly bootTimeoutMs: number;
  readonly unreachableTimeoutMs: number;
}

/** A workspace's hold on a slot, and the run to wake when the workspace's facts change. */
export interface SlotLease {
  readonly workspaceId: WorkspaceId;
  readonly taskId: TaskId | null;
  readonly runId: RunId | null;
  readonly projectId: ProjectId;
  readonly sessionId: SessionId;
}

export interface Slot {
  readonly lease: SlotLease;
  readonly reservedAt: Millis;
  /** Why the work here counts as lost although the node did not report its end; null while it may still finish. */
  readonly lost: Failure | null;
  /** Its work is over and its workspace is retained for inspection: the node stays, and the slot may be used for other work. */
  readonly retained: boolean;
}

export type NodeLifecycleState =
  /** `drain`: why it is destroyed once its first work is done; null when it may take more. */
  | { readonly state: "provisioning"; readonly bootDeadlineAt: Millis; readonly drain: string | null }
  | { readonly state: "active"; readonly idleSince: Millis | null }
  | { readonly state: "warm"; readonly since: Millis; readonly until: Millis }
  /** Finishes its work and takes no more. */
  | { readonly state: "draining"; readonly reason: string }
  | { readonly state: "destroying"; readonly reason: string; readonly failure: Failure | null; readonly since: Millis }
  | { readonly state: "destroyed"; readonly at: Millis; readonly failure: Failure | null };

export interface ServerFacts {
  readonly id: string;
  readonly location: string | null;
  readonly pricePerHour: { readonly amount: string; readonly currency: string } | null;
}

/** What is known about the server. `requested`: its creation was requested but not answered, so it may exist. */
export type ServerKnowledge =
  | { readonly kind: "never_requested" }
  | { readonly kind: "requested" }
  | { readonly kind: "known"; readonly server: ServerFacts }
  | { readonly kind: "gone"; readonly server: ServerFacts | null };

/** `down` is a flag with a time, not a node state. `timedOut`: the node has been silent for too long. */
export type LinkStatus =
  | { readonly kind: "never" }
  | { readonly kind: "up"; readonly since: Millis }
  | { readonly kind: "down"; readonly since: Millis; readonly timedOut: boolean };

export interface NodeRecord {
  readonly nodeId: NodeId;
  readonly life: NodeLifecycleState;
  readonly epoch: number;
  readonly createdAt: Millis;
  readonly slots: readonly Slot[];
  readonly server: ServerKnowledge;
  readonly link: LinkStatus;
  readonly provider: ProviderSchedule;
}

/** Calls to the provider: one at a time, with a growing pause after each failure in a row. */
export interface ProviderSchedule {
  /** When to call next; null when there is nothing to do. */
  readonly nextAt: Millis | null;
  /** A call is not answered yet. */
  readonly inFlight: boolean;
  readonly attempts: number;
  /** The last failure. */
  readonly fault: Failure | null;
}

export const NO_PROVIDER_CALL: ProviderSchedule = { nextAt: null, inFlight: false, attempts: 0, fault: null };

export const NODE_ALARMS = [
  "boot",
  "idle",
  "warm",
  "max_lifetime",
  "hard_lifetime",
  "unreachable",
  "provider",
] as const;
export type NodeAlarm = (typeof NODE_ALARMS)[number];

/** A new node: its first slot is taken, and the provider is called at once. */
export function newNode(nodeId: NodeId, lease: SlotLease, now: Millis, settings: NodeSettings): NodeRecord {
  return {
    nodeId,
    life: { state: "provisioning", bootDeadlineAt: now + settings.bootTimeoutMs, drain: null },
    epoch: 1,
    createdAt: now,
    slots: [newSlot(lease, now)],
    server: { kind: "never_requested" },
    link: { kind: "never" },
    provider: { ...NO_PROVIDER_CALL, nextAt: now },
  };
}

export const newSlot = (lease: SlotLease, now: Millis): Slot => ({
  lease,
  reservedAt: now,
  lost: null,
  retained: false,
});

/** How many of the node's slots new work cannot have. */
export function countTakenSlots(
  { slots }: Pick<NodeRecord, "slots">,
  { retainedWithoutSlot }: Pick<NodeSettings, "retainedWithoutSlot">,
): number {
  const retained = slots.filter((slot) => slot.retained).length;
  return slots.length - Math.min(retained, retainedWithoutSlot);
}

const IS_ALIVE: Record<NodeStateName, boolean> = {
  provisioning: true,
  active: true,
  warm: true,
  draining: true,
  destroying: false,
  destroyed: false,
};

/** Whether the node is neither being destroyed nor destroyed. */
export const isAlive = (record: NodeRecord): boolean => IS_ALIVE[record.life.state];

/** The alarms of this record and when each one is due. */
export function deriveAlarms(record: NodeRecord, settings: NodeSettings): ReadonlyMap<NodeAlarm, Millis> {
  const { life, link, createdAt } = record;
  const alarms = new Map<NodeAlarm, Millis>();
  if (record.provider.nextAt !== null) alarms.set("provider", record.provider.nextAt);
  if (life.state === "provisioning") alarms.set("boot", life.bootDeadlineAt);
  if (life.state === "active" && life.idleSince !== null) alarms.set("idle", life.idleSince + settings.idleGraceMs);
  if (life.state === "warm") alarms.set("warm", life.until);
  if (life.state === "active" || life.state === "warm") alarms.set("max_lifetime", createdAt + settings.maxLifetimeMs);
  if (isAlive(record)) alarms.set("hard_lifetime", createdAt + settings.hardLifetimeMs);
  if (isAlive(record) && link.kind === "down" && !link.timedOut) {
    alarms.set("unreachable", link.since + settings.unreachableTimeoutMs);
  }
  return alarms;
}

/** Why the node failed or cannot be destroyed; null when neither is the case. */
export function getNodeFailure(record: NodeRecord): Failure | null {
  const { life } = record;
  if (life.state === "destroyed") return life.failure;
  if (life.state === "destroying") return life.failure ?? record.provider.fault;
  return null;
}
