/**
 * What a NodeLifecycle object knows of its node, and which moments it must wake for. The alarms are derived
 * from the record, never stored beside it as a second truth: re-deriving them repairs any lost alarm.
 */
import type { Millis, NodeId, ProjectId, RunId, SessionId, TaskId, WorkspaceId } from "@samovar/base";
import type { Failure, NodeStateName } from "@samovar/contracts";

export interface NodeSettings {
  /** Workspaces that work on the node at once. */
  readonly slots: number;
  /** Kept workspaces that take no place of a working one; each above it takes one, for the disk's sake. */
  readonly retainedWithoutSlot: number;
  readonly idleGraceMs: number;
  readonly warmTimeoutMs: number;
  readonly maxLifetimeMs: number;
  readonly hardLifetimeMs: number;
  readonly bootTimeoutMs: number;
  readonly unreachableTimeoutMs: number;
}

/** A workspace's hold on a slot, and the run that is woken when the workspace's facts change. */
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
  /** Why what ran here is over although the node never said so; null while there is hope. */
  readonly lost: Failure | null;
  /** Its work is over, its workspace stays to be looked at: the node lives on, and has room for other work. */
  readonly retained: boolean;
}

export type NodeLifecycleState =
  /** `drain`: why it goes as soon as its first work is done; null when it may take more. */
  | { readonly state: "provisioning"; readonly bootDeadlineAt: Millis; readonly drain: string | null }
  | { readonly state: "active"; readonly idleSince: Millis | null }
  | { readonly state: "warm"; readonly since: Millis; readonly until: Millis }
  /** Finishes its work, takes none. */
  | { readonly state: "draining"; readonly reason: string }
  | { readonly state: "destroying"; readonly reason: string; readonly failure: Failure | null; readonly since: Millis }
  | { readonly state: "destroyed"; readonly at: Millis; readonly failure: Failure | null };

export interface ServerFacts {
  readonly id: string;
  readonly location: string | null;
  readonly pricePerHour: { readonly amount: string; readonly currency: string } | null;
}

/** What is known of the machine at the provider. `asked`: a creation has begun, its answer has not come: it may exist. */
export type ServerKnowledge =
  | { readonly kind: "never_requested" }
  | { readonly kind: "requested" }
  | { readonly kind: "known"; readonly server: ServerFacts }
  | { readonly kind: "gone"; readonly server: ServerFacts | null };

/** `down` is a flag with a time, not a state; `timedOut` once the silence has been too long. */
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

/** The questions to the provider: one at a time, slower each time in a row that it did not help. */
export interface ProviderSchedule {
  /** When to ask next; null when there is nothing to ask. */
  readonly nextAt: Millis | null;
  /** A question is out. */
  readonly inFlight: boolean;
  readonly attempts: number;
  /** Its last refusal. */
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

/** A node's beginning: its first slot taken, the provider to be asked at once. */
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

/** How many of the node's places are not to be had. */
export function countTakenSlots(
  { slots }: Pick<NodeRecord, "slots">,
  { retainedWithoutSlot }: Pick<NodeSettings, "retainedWithoutSlot">,
): number {
  const retained = slots.filter((slot) => slot.retained).length;
  return slots.length - Math.min(retained, retainedWithoutSlot);
}

const MORTAL: Record<NodeStateName, boolean> = {
  provisioning: true,
  active: true,
  warm: true,
  draining: true,
  destroying: false,
  destroyed: false,
};

/** Whether the node is neither being destroyed nor destroyed. */
export const isAlive = (record: NodeRecord): boolean => MORTAL[record.life.state];

/** The moments that this record waits for. */
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

/** Why the node failed or cannot be got rid of; null when all is well. */
export function getNodeFailure(record: NodeRecord): Failure | null {
  const { life } = record;
  if (life.state === "destroyed") return life.failure;
  if (life.state === "destroying") return life.failure ?? record.provider.fault;
  return null;
}
