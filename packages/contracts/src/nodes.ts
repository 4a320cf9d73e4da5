/** Nodes: machines that run the vm-agent. */
import * as z from "zod";
import { failure } from "./errors.ts";
import { millis, nodeId, taskId } from "./ids.ts";
import { vmSize } from "./projects.ts";

export const NODE_STATES = ["provisioning", "active", "warm", "draining", "destroying", "destroyed"] as const;
export const nodeState = z.enum(NODE_STATES);
export type NodeStateName = z.infer<typeof nodeState>;

/** What a session's outbox holds back, as the node tells it. */
export const outboxStats = z.object({
  pending: z.number().int().nonnegative(),
  deadLetters: z.number().int().nonnegative(),
  lastDeadLetterReason: z.string().nullable(),
});
export type OutboxStats = z.infer<typeof outboxStats>;

export const nodeView = z.object({
  id: nodeId,
  name: z.string(),
  provider: z.string(),
  serverId: z.string().nullable(),
  size: vmSize,
  location: z.string().nullable(),
  state: nodeState,
  version: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  /** When it turns from warm to destroying; null unless warm. */
  warmUntil: millis.nullable(),
  unreachableSince: millis.nullable(),
  /** Tasks that hold a slot. */
  taskIds: z.array(taskId),
  slots: z.number().int().positive(),
  outbox: outboxStats,
  pricePerHour: z.object({ amount: z.string(), currency: z.string() }).nullable(),
  maxLifetimeAt: millis,
  createdAt: millis,
  destroyedAt: millis.nullable(),
  failure: failure.nullable(),
});
export type NodeView = z.infer<typeof nodeView>;
