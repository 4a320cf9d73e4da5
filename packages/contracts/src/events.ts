/** Events: node → control plane. Idempotent by `n` within an epoch, persisted until acknowledged. */
import * as z from "zod";
import { agentCapabilities } from "./agents.ts";
import { failure } from "./errors.ts";
import { millis, sessionId, workspaceId } from "./ids.ts";
import { outboxStats } from "./nodes.ts";
import { bundleView, commitView, diffStat, transcriptDigestView, usage } from "./tasks.ts";

const eventOf = <K extends string, B extends z.ZodRawShape>(kind: K, body: B) =>
  z.object({ n: z.number().int().positive(), at: millis, kind: z.literal(kind), ...body });

export const sessionOutcome = z.enum(["clean", "error", "crashed", "cancelled", "timeout"]);
export type SessionOutcome = z.infer<typeof sessionOutcome>;

/** Sent once the transcript is closed and the session's outbox is drained, or the store has refused the rest for too long. */
export const sessionEnd = z.object({
  outcome: sessionOutcome,
  /** ACP's stop reason, if the turn ended with one. */
  stopReason: z.string().nullable(),
  /** Why, unless clean. */
  failure: failure.nullable(),
  branch: z.string().nullable(),
  commits: z.array(commitView).max(200),
  diffStat: diffStat.nullable(),
  pushed: z.boolean(),
  pushError: z.string().nullable(),
  /** What could not be pushed, handed over to the control plane; null when it was pushed, or there was nothing. */
  bundle: bundleView.nullable(),
  /** What of the work is in the workspace only, though the rest was pushed; null when nothing is. */
  warning: z.string().max(4000).nullable().default(null),
  /** The agent's last message, cut at a sentence. */
  summary: z.string().nullable(),
  usage: usage.nullable(),
  /** How often the agent was started again after it had died. */
  restarts: z.number().int().nonnegative(),
  /** Whether the store has answered for every message. */
  drained: z.boolean(),
  /** Over the closed transcript; null when it was never closed, since its session host was lost for good. */
  digest: transcriptDigestView.nullable(),
});
export type SessionEnd = z.infer<typeof sessionEnd>;

export const nodeEvent = z.discriminatedUnion("kind", [
  eventOf("workspace.ready", { workspaceId, branch: z.string(), baseCommit: z.string() }),
  eventOf("workspace.failed", { workspaceId, failure }),
  eventOf("workspace.destroyed", { workspaceId }),
  /** On the first ACP update after the prompt. */
  eventOf("session.started", { workspaceId, sessionId, capabilities: agentCapabilities.nullable() }),
  /** A process that the session needs for its start has waited long for its turn: the machine is busy. */
  eventOf("session.start_delayed", { workspaceId, sessionId }),
  eventOf("session.ended", { workspaceId, sessionId, end: sessionEnd }),
  eventOf("outbox.stats", { sessionId, stats: outboxStats }),
  eventOf("fault", { workspaceId: workspaceId.nullable(), code: z.string(), message: z.string() }),
]);
export type NodeEvent = z.infer<typeof nodeEvent>;
export type NodeEventKind = NodeEvent["kind"];
type WithoutNumber<T> = T extends unknown ? Omit<T, "n" | "at"> : never;
export type NodeEventDraft = WithoutNumber<NodeEvent>;
