/** Events: node → control plane. Idempotent by `n` within an epoch, persisted until acknowledged. */
import * as z from "zod";
import { agentCapabilities } from "./agents.ts";
import { meteredUsage } from "./budget.ts";
import { failure } from "./errors.ts";
import { millis, sessionId, workspaceId } from "./ids.ts";
import { outboxStats } from "./nodes.ts";
import { bundleView, commitView, diffStat, transcriptDigestView, usage } from "./tasks.ts";

const eventOf = <K extends string, B extends z.ZodRawShape>(kind: K, body: B) =>
  z.object({ n: z.number().int().positive(), at: millis, kind: z.literal(kind), ...body });

export const sessionOutcome = z.enum(["clean", "error", "crashed", "cancelled", "timeout"]);
export type SessionOutcome = z.infer<typeof sessionOutcome>;

/**
 * A text from the node, truncated instead of refused: a refused event is lost, and with it how a session ended.
 */
const cutTo = (maxChars: number) => z.string().transform((text) => text.slice(0, maxChars).toWellFormed());

/** Sent once the transcript is closed and the session's outbox is drained, or the store has refused the rest for too long. */
export const sessionEnd = z.object({
  outcome: sessionOutcome,
  /** ACP's stop reason, if the turn ended with one. */
  stopReason: cutTo(100).nullable(),
  /** Why it ended; null for a clean end. */
  failure: failure.nullable(),
  branch: cutTo(500).nullable(),
  commits: z.array(commitView).max(200),
  diffStat: diffStat.nullable(),
  pushed: z.boolean(),
  pushError: cutTo(4000).nullable(),
  /** The unpushed commits, uploaded to the control plane; null when everything was pushed or there was nothing to push. */
  bundle: bundleView.nullable(),
  /** Which part of the work exists only in the workspace although the rest was pushed; null when none does. */
  warning: z.string().max(4000).nullable().default(null),
  /** The agent's last message, cut at a sentence. */
  summary: cutTo(1000).nullable(),
  usage: usage.nullable(),
  /** How often the agent was started again after it had died. */
  restarts: z.number().int().nonnegative(),
  /** How many secrets were redacted in the transcript and the failure; absent where it was not counted. */
  redactions: z.number().int().nonnegative().optional(),
  /** Whether the store has acknowledged or rejected every message. */
  drained: z.boolean(),
  /** Over the closed transcript; null when it was never closed because its session host was lost. */
  digest: transcriptDigestView.nullable(),
});
export type SessionEnd = z.infer<typeof sessionEnd>;

export const nodeEvent = z.discriminatedUnion("kind", [
  eventOf("workspace.ready", { workspaceId, branch: z.string(), baseCommit: z.string() }),
  eventOf("workspace.failed", { workspaceId, failure }),
  eventOf("workspace.destroyed", { workspaceId }),
  /** On the first ACP update after the prompt. */
  eventOf("session.started", { workspaceId, sessionId, capabilities: agentCapabilities.nullable() }),
  /** A process needed for the session's start has waited long for the start gate: the node is busy. */
  eventOf("session.start_delayed", { workspaceId, sessionId }),
  /** Everything that the session's gateway has metered so far: a repeated or overtaken report changes nothing. */
  eventOf("session.metered", { workspaceId, sessionId, metered: meteredUsage }),
  eventOf("session.ended", { workspaceId, sessionId, end: sessionEnd }),
  eventOf("outbox.stats", { sessionId, stats: outboxStats }),
  eventOf("fault", { workspaceId: workspaceId.nullable(), code: z.string(), message: z.string() }),
]);
export type NodeEvent = z.infer<typeof nodeEvent>;
export type NodeEventKind = NodeEvent["kind"];
type WithoutNumber<T> = T extends unknown ? Omit<T, "n" | "at"> : never;
export type NodeEventDraft = WithoutNumber<NodeEvent>;
