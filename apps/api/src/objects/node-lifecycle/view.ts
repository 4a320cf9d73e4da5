/** The node as people see it, and its row in D1. */
import type { NodeView } from "@samovar/contracts";
import { failureOf, isAlive } from "@samovar/domain/node-record";
import type { Config } from "../../config.ts";
import type { NodeStorage, StoredNode } from "./storage.ts";

export function nodeViewOf(node: StoredNode, storage: NodeStorage, config: Config): NodeView {
  const { identity, record, version } = node;
  const { life, link } = record;
  const server = record.server.kind === "known" || record.server.kind === "gone" ? record.server.server : null;
  return {
    id: identity.nodeId,
    name: identity.name,
    provider: "hetzner",
    serverId: server?.id ?? null,
    size: identity.size,
    location: server?.location ?? null,
    state: life.state,
    version,
    epoch: record.epoch,
    warmUntil: life.state === "warm" ? life.until : null,
    unreachableSince: link.kind === "down" && isAlive(record) ? link.since : null,
    taskIds:
      life.state === "destroyed"
        ? []
        : record.slots.flatMap(({ holder }) => (holder.taskId === null ? [] : [holder.taskId])),
    slots: config.NODE_SLOTS,
    outbox: storage.outbox(),
    pricePerHour: server?.pricePerHour ?? null,
    maxLifetimeAt: record.createdAt + config.NODE_MAX_LIFETIME_MS,
    createdAt: record.createdAt,
    destroyedAt: life.state === "destroyed" ? life.at : null,
    failure: failureOf(record),
  };
}
