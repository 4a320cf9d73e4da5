/** The node as people see it, and its row in D1. */
import type { NodeView } from "@samovar/contracts";
import type { NodeSettings, Slot } from "@samovar/domain/node-record";
import { getNodeFailure, isAlive, countTakenSlots } from "@samovar/domain/node-record";
import type { Config } from "../../config.ts";
import type { NodeStorage, StoredNode } from "./storage.ts";

export function buildNodeView(node: StoredNode, storage: NodeStorage, config: Config): NodeView {
  const { identity, record, version } = node;
  const { life, link } = record;
  const slots = life.state === "destroyed" ? [] : record.slots;
  const server = record.server.kind === "known" || record.server.kind === "gone" ? record.server.server : null;
  return {
    id: identity.nodeId,
    name: identity.name,
    provider: identity.provider,
    serverId: server?.id ?? null,
    size: identity.size,
    location: server?.location ?? null,
    state: life.state,
    version,
    epoch: record.epoch,
    warmUntil: life.state === "warm" ? life.until : null,
    unreachableSince: link.kind === "down" && isAlive(record) ? link.since : null,
    runtime: storage.link().state.runtime ?? null,
    taskIds: listTaskIds(slots.filter(({ retained }) => !retained)),
    retainedTaskIds: listTaskIds(slots.filter(({ retained }) => retained)),
    taken: countTakenSlots({ slots }, toNodeSettings(config)),
    slots: config.NODE_SLOTS,
    outbox: storage.outbox(),
    pricePerHour: server?.pricePerHour ?? null,
    maxLifetimeAt: record.createdAt + config.NODE_DRAIN_AFTER_MS,
    createdAt: record.createdAt,
    destroyedAt: life.state === "destroyed" ? life.at : null,
    failure: getNodeFailure(record),
  };
}

const listTaskIds = (slots: readonly Slot[]) =>
  slots.flatMap(({ lease }) => (lease.taskId === null ? [] : [lease.taskId]));

/** The settings of the pure core. */
export function toNodeSettings(config: Config): NodeSettings {
  return {
    slots: config.NODE_SLOTS,
    retainedWithoutSlot: config.NODE_RETAINED_WORKSPACES,
    idleGraceMs: config.NODE_IDLE_GRACE_MS,
    warmTimeoutMs: config.NODE_WARM_TIMEOUT_MS,
    maxLifetimeMs: config.NODE_DRAIN_AFTER_MS,
    hardLifetimeMs: config.NODE_MAX_LIFETIME_MS,
    bootTimeoutMs: config.NODE_BOOT_TIMEOUT_MS,
    unreachableTimeoutMs: config.NODE_UNREACHABLE_TIMEOUT_MS,
  };
}
