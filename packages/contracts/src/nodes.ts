/** Nodes: machines that run the vm-agent. */
import * as z from "zod";
import { failure } from "./errors.ts";
import { millis, nodeId, projectId, sessionId, taskId } from "./ids.ts";
import { vmSize } from "./projects.ts";
import { providerName } from "./providers.ts";
import { taskStatus } from "./tasks.ts";

export const NODE_STATES = ["provisioning", "active", "warm", "draining", "destroying", "destroyed"] as const;
export const nodeState = z.enum(NODE_STATES);
export type NodeStateName = z.infer<typeof nodeState>;

/** The undelivered rows of a session's outbox, as the node reports them. */
export const outboxStats = z.object({
  pending: z.number().int().nonnegative(),
  deadLetters: z.number().int().nonnegative(),
  lastDeadLetterReason: z.string().nullable(),
});
export type OutboxStats = z.infer<typeof outboxStats>;

/** A decimal number as the provider writes it, and its currency. */
export const price = z.object({ amount: z.string(), currency: z.string() });
export type Price = z.infer<typeof price>;

/** Where a node runs agents: in a sandbox, in containers, or with its own rights. `unavailable`: what is demanded does not work. */
export const nodeRuntime = z.object({
  kind: z.enum(["sandbox", "docker", "process", "unavailable"]),
  /** Why there is no sandbox, and how to get one; null in a sandbox. */
  reason: z.string().max(1000).nullable(),
  /** Who keeps workspaces within their limits of processes and memory: the kernel, or their session's host, which watches them. */
  limits: z.enum(["kernel", "watched"]).optional(),
  /** Whether each workspace has its own user or shares the node's; absent from earlier nodes. */
  users: z.enum(["separate", "shared"]).optional(),
});
export type NodeRuntime = z.infer<typeof nodeRuntime>;

/** What a node reports of its runtime. `preparing`: it is still installing tools and takes no task; `reason` names them. */
export const runtimeReport = nodeRuntime.extend({ kind: z.enum([...nodeRuntime.shape.kind.options, "preparing"]) });
export type RuntimeReport = z.infer<typeof runtimeReport>;

export const nodeView = z.object({
  id: nodeId,
  name: z.string(),
  provider: providerName,
  serverId: z.string().nullable(),
  size: vmSize,
  location: z.string().nullable(),
  state: nodeState,
  version: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  /** When it turns from warm to destroying; null unless warm. */
  warmUntil: millis.nullable(),
  unreachableSince: millis.nullable(),
  /** Null until the node has reported it. */
  runtime: runtimeReport.nullable(),
  /** Tasks that run there or are about to. */
  taskIds: z.array(taskId),
  /** Ended tasks whose workspaces are retained there. */
  retainedTaskIds: z.array(taskId),
  /** How many of `slots` new work cannot have. Retained workspaces use none, up to a limit. */
  taken: z.number().int().nonnegative(),
  slots: z.number().int().positive(),
  outbox: outboxStats,
  pricePerHour: price.nullable(),
  maxLifetimeAt: millis,
  createdAt: millis,
  destroyedAt: millis.nullable(),
  failure: failure.nullable(),
});
export type NodeView = z.infer<typeof nodeView>;

/** A task on a node: it runs there, or its workspace is retained. */
export const nodeWork = z.object({
  nodeId,
  taskId,
  projectId,
  sessionId,
  title: z.string(),
  status: taskStatus,
  cancelRequested: z.boolean(),
});
export type NodeWork = z.infer<typeof nodeWork>;

/** What a size means at the provider now; null where the provider did not answer. */
export const sizeOffer = z.object({
  size: vmSize,
  serverType: z.string().nullable(),
  cores: z.number().positive().nullable(),
  memoryGb: z.number().positive().nullable(),
  pricePerHour: price.nullable(),
});
export type SizeOffer = z.infer<typeof sizeOffer>;

/** How long the history of the pool is kept. */
export const NODE_HISTORY_MS = 48 * 3_600_000;

/** The nodes of one period, each counted once, by the first of these that applies: working, warm, booting. */
export const poolBucket = z.object({
  at: millis,
  working: z.number().int().nonnegative(),
  warm: z.number().int().nonnegative(),
  booting: z.number().int().nonnegative(),
});
export type PoolBucket = z.infer<typeof poolBucket>;

/** `GET /api/nodes/history`: the pool in periods of equal length, oldest first; the last one is not over yet. */
export const poolHistory = z.object({ bucketMs: z.number().int().positive(), buckets: z.array(poolBucket) });
export type PoolHistory = z.infer<typeof poolHistory>;

/** `GET /api/nodes/cost`: the cost of nodes since a moment, by started hours. */
export const spending = z.object({
  since: millis,
  /** One for each currency. */
  spent: z.array(price),
  /** Those that were billed. */
  nodes: z.number().int().nonnegative(),
});
export type Spending = z.infer<typeof spending>;
