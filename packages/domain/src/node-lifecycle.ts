/**
 * The states of a node: `provisioning → active ⇄ warm → (draining →) destroying → destroyed`. Pure.
 * Keeps N1 (destroyed only when the provider reports that there is no server) and N2 (one winner for each slot;
 * a claimed node stays until its hard limit, unless a person or the provider ends it).
 */
import type { Millis, RunId, WorkspaceId } from "@samovar/base";
import { assertNever, backoffMs } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import type {
  NodeAlarm,
  NodeLifecycleState,
  NodeRecord,
  NodeSettings,
  ServerFacts,
  Slot,
  SlotLease,
} from "./node-record.ts";
import { deriveAlarms, getNodeFailure, isAlive, newSlot, NO_PROVIDER_CALL, countTakenSlots } from "./node-record.ts";

/** A creation that the provider refused. `retriable`: the same call may succeed later. */
export interface CreateRefusal {
  readonly failure: Failure;
  readonly retriable: boolean;
  readonly retryAfterMs: number | null;
}

export type NodeLifecycleEvent =
  | { readonly kind: "alarm"; readonly name: NodeAlarm }
  /** The answer to an open provider call can no longer arrive. */
  | { readonly kind: "shell.restarted" }
  | { readonly kind: "agent.connected" }
  /** Connected, but not ready for a task: the node still installs tools. */
  | { readonly kind: "agent.preparing" }
  | { readonly kind: "link.lost" }
  /** Its hello had another protocol version. */
  | { readonly kind: "agent.outdated" }
  | { readonly kind: "slot.released"; readonly workspaceId: WorkspaceId }
  /** The work there is over; the workspace is retained for a while. */
  | { readonly kind: "slot.retained"; readonly workspaceId: WorkspaceId }
  | { readonly kind: "drain.requested"; readonly reason: string }
  | { readonly kind: "destroy.requested"; readonly reason: string }
  | { readonly kind: "server.made"; readonly server: ServerFacts }
  | { readonly kind: "create.failed"; readonly refusal: CreateRefusal }
  /** The provider has no server with the node's name. */
  | { readonly kind: "server.absent" }
  | { readonly kind: "delete.accepted" }
  | { readonly kind: "server.gone" }
  /** A find or delete call was refused or not answered. */
  | { readonly kind: "provider.failed"; readonly failure: Failure; readonly retryAfterMs: number | null };

export type NodeEffect =
  | { readonly kind: "provider.create" }
  | { readonly kind: "provider.find" }
  | { readonly kind: "provider.delete"; readonly serverId: string }
  /** Sends the node the command to finish its work and take no more. */
  | { readonly kind: "node.drain" }
  /** Closes the link for good: the node must not reconnect. */
  | { readonly kind: "link.close" }
  | { readonly kind: "wake"; readonly runId: RunId }
  /** A slot became available: wake queued tasks. */
  | { readonly kind: "capacity" };

export interface NodeStep {
  readonly record: NodeRecord;
  readonly effects: readonly NodeEffect[];
}

export type ReserveReply =
  | { readonly granted: true }
  | { readonly granted: false; readonly reason: "full" | "not_accepting" | "gone" };

/** A provider call that is not answered in this time is repeated. */
const PROVIDER_CALL_LIMIT_MS = 90_000;
export const CREATE_MAX_ATTEMPTS = 6;
/** A node whose link has been down for less may take new work: it is probably reconnecting. */
export const RECONNECT_GRACE_MS = 30_000;
const BACKOFF = { initialMs: 500, maxMs: 60_000 };

/** Applies one event. An event that does not fit the state (a late answer, an alarm fired twice) changes nothing. */
export function stepNode(record: NodeRecord, event: NodeLifecycleEvent, now: Millis, settings: NodeSettings): NodeStep {
  const next = apply(record, event, now, settings);
  const effects = [...next.effects, ...wakeRuns(record, next.record)];
  const grew =
    next.record !== record && countAvailable(next.record, now, settings) > countAvailable(record, now, settings);
  return { record: next.record, effects: grew ? [...effects, { kind: "capacity" }] : effects };
}

/** Available slots here, or on the node that may replace this one when it is destroyed. */
function countAvailable(record: NodeRecord, now: Millis, settings: NodeSettings): number {
  if (record.life.state === "destroyed") return settings.slots;
  return isAlive(record) && accepts(record, now, settings)
    ? Math.max(0, settings.slots - countTakenSlots(record, settings))
    : 0;
}

/** Reserves a slot if the node takes work. Reserving again for the same workspace succeeds again. */
export function reserveSlot(
  record: NodeRecord,
  lease: SlotLease,
  now: Millis,
  settings: NodeSettings,
): { readonly record: NodeRecord; readonly reply: ReserveReply } {
  const refuse = (reason: "full" | "not_accepting" | "gone") => ({
    record,
    reply: { granted: false, reason } as const,
  });
  if (!isAlive(record)) return refuse("gone");
  if (record.slots.some((slot) => slot.lease.workspaceId === lease.workspaceId))
    return { record, reply: { granted: true } };
  if (!accepts(record, now, settings)) return refuse("not_accepting");
  if (countTakenSlots(record, settings) >= settings.slots) return refuse("full");
  const slots = [...record.slots, newSlot(lease, now)];
  const life: NodeLifecycleState =
    record.life.state === "provisioning" ? record.life : { state: "active", idleSince: null };
  return { record: { ...record, slots, life }, reply: { granted: true } };
}

function accepts(record: NodeRecord, now: Millis, settings: NodeSettings): boolean {
  const { life } = record;
  if (life.state === "draining" || (life.state === "provisioning" && life.drain !== null)) return false;
  if (now >= record.createdAt + settings.maxLifetimeMs) return false;
  return record.link.kind !== "down" || now - record.link.since < RECONNECT_GRACE_MS;
}

function apply(record: NodeRecord, event: NodeLifecycleEvent, now: Millis, settings: NodeSettings): NodeStep {
  switch (event.kind) {
    case "alarm": {
      const due = deriveAlarms(record, settings).get(event.name);
      return due === undefined || due > now ? unchanged(record) : fireAlarm(record, event.name, now, settings);
    }
    case "shell.restarted":
      return record.provider.inFlight
        ? only({ ...record, provider: { ...record.provider, inFlight: false, nextAt: now } })
        : unchanged(record);
    case "agent.connected":
      return connected(record, now);
    case "agent.preparing":
      return preparing(record, now);
    case "link.lost":
      return record.link.kind === "up"
        ? only({ ...record, link: { kind: "down", since: now, timedOut: false } })
        : unchanged(record);
    case "agent.outdated":
      return outdated(record, now);
    case "slot.released":
      return released(record, event.workspaceId, now);
    case "slot.retained":
      return retained(record, event.workspaceId);
    case "drain.requested":
      return drain(record, event.reason, now);
    case "destroy.requested":
      return destroy(record, event.reason, { code: "node_destroyed", message: event.reason }, null, now);
    case "server.made":
      return made(record, event.server, now);
    case "create.failed":
      return createFailed(record, event.refusal, now);
    case "server.absent":
      return absent(record, now);
    case "delete.accepted":
      return record.life.state === "destroying" ? only(askLater(record, now, null, null)) : unchanged(record);
    case "server.gone":
      return record.life.state === "destroying" ? only(destroyed(record, now)) : unchanged(record);
    case "provider.failed":
      return record.provider.nextAt === null
        ? unchanged(record)
        : only(askLater(record, now, event.failure, event.retryAfterMs));
    default:
      return assertNever(event, "node event");
  }
}

function fireAlarm(record: NodeRecord, name: NodeAlarm, now: Millis, settings: NodeSettings): NodeStep {
  switch (name) {
    case "boot":
      return bootTimedOut(record, now);
    case "idle":
      return only({ ...record, life: { state: "warm", since: now, until: now + settings.warmTimeoutMs } });
    case "warm":
      return destroy(record, "no task came", null, null, now);
    case "max_lifetime":
      return drain(record, "it is too old for new work", now);
    case "hard_lifetime":
      return destroy(record, "it has reached its maximum lifetime", TOO_OLD, null, now);
    case "unreachable":
      return silent(record, now);
    case "provider":
      return ask(record, now);
    default:
      return assertNever(name, "node alarm");
  }
}

function bootTimedOut(record: NodeRecord, now: Millis): NodeStep {
  const failure = record.link.kind === "never" ? BOOT_TIMEOUT : TOOLS_TIMEOUT;
  return destroy(record, "it did not come up", failure, failure, now);
}

const TOOLS_TIMEOUT: Failure = {
  code: "node_boot_timeout",
  message:
    "The node's vm-agent connected, but the tools that tasks need were not installed in time. Run the task again; if it fails again, check that the server reaches its package mirror.",
};
const BOOT_TIMEOUT: Failure = {
  code: "node_boot_timeout",
  message:
    "The server was created but its vm-agent did not connect in time. Run the task again; if it fails again, check the server's console.",
};
const TOO_OLD: Failure = {
  code: "node_lifetime",
  message: "The node reached its maximum lifetime while the task was running.",
};
const UNREACHABLE: Failure = {
  code: "node_unreachable",
  message: "The node has not responded for too long. Everything that it delivered is stored; run the task again.",
};

const OUTDATED: Failure = {
  code: "node_outdated",
  message:
    "The node's vm-agent and the control plane have different versions. Everything that it delivered is stored; run the task again to get a new node.",
};

function connected(record: NodeRecord, now: Millis): NodeStep {
  if (!isAlive(record)) return { record, effects: [{ kind: "link.close" }] };
  const reached: NodeRecord = { ...record, link: { kind: "up", since: now } };
  if (record.life.state !== "provisioning") return only(reached);
  const active: NodeRecord = {
    ...reached,
    life: { state: "active", idleSince: record.slots.length === 0 ? now : null },
  };
  return record.life.drain === null ? only(active) : drain(active, record.life.drain, now);
}

/** The boot's deadline stays. */
function preparing(record: NodeRecord, now: Millis): NodeStep {
  if (!isAlive(record)) return { record, effects: [{ kind: "link.close" }] };
  return only({ ...record, link: { kind: "up", since: now } });
}

/** The node cannot be used: work on it has failed, and another node replaces it [F48]. */
function outdated(record: NodeRecord, now: Millis): NodeStep {
  if (!isAlive(record)) return { record, effects: [{ kind: "link.close" }] };
  // A foreign connection, while the agent's own link is up.
  if (record.link.kind === "up") return unchanged(record);
  if (record.life.state === "provisioning" || record.slots.length === 0)
    return destroy(record, "its vm-agent has another version", OUTDATED, OUTDATED, now);
  const failed = { ...record, slots: loseAll(record.slots, OUTDATED) };
  return drain(failed, "its vm-agent has another version", now);
}

/** Silent for too long: work there has failed. The node takes no more and is destroyed when its slots are released. */
function silent(record: NodeRecord, now: Millis): NodeStep {
  if (record.link.kind !== "down") return unchanged(record);
  const timedOut: NodeRecord = {
    ...record,
    link: { ...record.link, timedOut: true },
    slots: loseAll(record.slots, UNREACHABLE),
  };
  if (record.slots.length === 0) return destroy(timedOut, "it stopped responding", null, UNREACHABLE, now);
  return drain(timedOut, "it stopped responding", now);
}

function released(record: NodeRecord, workspaceId: WorkspaceId, now: Millis): NodeStep {
  const slots = record.slots.filter((slot) => slot.lease.workspaceId !== workspaceId);
  if (slots.length === record.slots.length) return unchanged(record);
  const rest = { ...record, slots };
  if (slots.length > 0) return only(rest);
  if (rest.life.state === "draining") return destroy(rest, rest.life.reason, null, null, now);
  if (rest.life.state === "provisioning" && rest.life.drain !== null)
    return destroy(rest, rest.life.drain, null, null, now);
  if (rest.life.state === "active") return only({ ...rest, life: { state: "active", idleSince: now } });
  return only(rest);
}

/** The lease keeps the node alive, but new work may use the slot. */
function retained(record: NodeRecord, workspaceId: WorkspaceId): NodeStep {
  const isChange = record.slots.some((slot) => slot.lease.workspaceId === workspaceId && !slot.retained);
  if (!isChange) return unchanged(record);
  const slots = record.slots.map((slot) =>
    slot.lease.workspaceId === workspaceId ? { ...slot, retained: true } : slot,
  );
  return only({ ...record, slots });
}

function drain(record: NodeRecord, reason: string, now: Millis): NodeStep {
  const { life } = record;
  if (!isAlive(record) || life.state === "draining") return unchanged(record);
  if (record.slots.length === 0) return destroy(record, reason, null, null, now);
  if (life.state === "provisioning") return only({ ...record, life: { ...life, drain: reason } });
  return { record: { ...record, life: { state: "draining", reason } }, effects: [{ kind: "node.drain" }] };
}

/** `lost`: the failure of the work there; `failure`: the failure recorded for the node itself. */
function destroy(
  record: NodeRecord,
  reason: string,
  lost: Failure | null,
  failure: Failure | null,
  now: Millis,
): NodeStep {
  if (!isAlive(record)) return unchanged(record);
  const destroying: NodeRecord = {
    ...record,
    slots: lost === null ? record.slots : loseAll(record.slots, lost),
    life: { state: "destroying", reason, failure, since: now },
    link: record.link.kind === "up" ? { kind: "down", since: now, timedOut: true } : record.link,
    provider: { ...NO_PROVIDER_CALL, nextAt: now },
  };
  const end = record.server.kind === "never_requested" ? destroyed(destroying, now) : destroying;
  return { record: end, effects: [{ kind: "link.close" }] };
}

function destroyed(record: NodeRecord, now: Millis): NodeRecord {
  const failure = record.life.state === "destroying" ? record.life.failure : null;
  const server = record.server.kind === "known" ? record.server.server : null;
  return {
    ...record,
    life: { state: "destroyed", at: now, failure },
    server: { kind: "gone", server },
    provider: NO_PROVIDER_CALL,
  };
}

/** The next provider call, chosen by what is known. A lost answer leads to the same call again. */
function ask(record: NodeRecord, now: Millis): NodeStep {
  const inFlight: NodeRecord = {
    ...record,
    provider: { ...record.provider, inFlight: true, nextAt: now + PROVIDER_CALL_LIMIT_MS },
  };
  if (record.life.state === "provisioning" && record.server.kind !== "known") {
    return { record: { ...inFlight, server: { kind: "requested" } }, effects: [{ kind: "provider.create" }] };
  }
  if (record.server.kind === "requested") return { record: inFlight, effects: [{ kind: "provider.find" }] };
  if (record.life.state === "destroying" && record.server.kind === "known") {
    return { record: inFlight, effects: [{ kind: "provider.delete", serverId: record.server.server.id }] };
  }
  return only({ ...record, provider: NO_PROVIDER_CALL });
}

function made(record: NodeRecord, server: ServerFacts, now: Millis): NodeStep {
  const known: NodeRecord = { ...record, server: { kind: "known", server } };
  if (isAlive(record)) return only({ ...known, provider: NO_PROVIDER_CALL });
  // The server was created although the node was being destroyed: it must be deleted.
  const { life } = record;
  const end: NodeLifecycleState =
    life.state === "destroyed"
      ? { state: "destroying", reason: "its server was created after all", failure: life.failure, since: now }
      : life;
  return only({ ...known, life: end, provider: { ...NO_PROVIDER_CALL, nextAt: now } });
}

function createFailed(record: NodeRecord, refusal: CreateRefusal, now: Millis): NodeStep {
  if (record.server.kind !== "requested") return unchanged(record);
  const later = askLater(record, now, refusal.failure, refusal.retryAfterMs);
  if (record.life.state !== "provisioning") return only(later);
  if (refusal.retriable && later.provider.attempts < CREATE_MAX_ATTEMPTS) return only(later);
  return destroy(record, "no server could be created", refusal.failure, refusal.failure, now);
}

function absent(record: NodeRecord, now: Millis): NodeStep {
  if (record.server.kind !== "requested") return unchanged(record);
  return only(record.life.state === "destroying" ? destroyed(record, now) : askLater(record, now, null, null));
}

function askLater(record: NodeRecord, now: Millis, fault: Failure | null, retryAfterMs: number | null): NodeRecord {
  const { attempts } = record.provider;
  const pauseMs = backoffMs(attempts + 1, BACKOFF);
  return {
    ...record,
    provider: { nextAt: now + Math.max(pauseMs, retryAfterMs ?? 0), inFlight: false, attempts: attempts + 1, fault },
  };
}

const loseAll = (slots: readonly Slot[], lost: Failure): readonly Slot[] =>
  slots.map((slot) => (slot.lost === null ? { ...slot, lost } : slot));

/** Effects that wake the runs whose facts changed. A dropped link is no change to them; only lasting silence is. */
function wakeRuns(before: NodeRecord, after: NodeRecord): NodeEffect[] {
  if (before === after) return [];
  const cameUp = before.link.kind !== "up" && after.link.kind === "up";
  const nodeChanged =
    before.life.state !== after.life.state || cameUp || getNodeFailure(before) !== getNodeFailure(after);
  return after.slots.flatMap((slot) => {
    const was = before.slots.find((each) => each.lease.workspaceId === slot.lease.workspaceId);
    const changed = nodeChanged || was?.lost !== slot.lost;
    return changed && slot.lease.runId !== null ? [{ kind: "wake", runId: slot.lease.runId } as const] : [];
  });
}

const unchanged = (record: NodeRecord): NodeStep => ({ record, effects: [] });
const only = (record: NodeRecord): NodeStep => ({ record, effects: [] });
