/** `POST /api/workspaces/:workspaceId/messages` with a workspace token: at least once on the wire. */
import * as z from "zod";
import { messageId, sessionId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { messageKind, messageRole, toolMetadata, truncation } from "./messages.ts";

export const messageBody = z.discriminatedUnion("mode", [
  /** `offset` in UTF-16 units into the content that the store should already have. */
  z.object({ mode: z.literal("append"), offset: z.number().int().nonnegative(), text: z.string() }),
  z.object({ mode: z.literal("replace"), content: z.string() }),
]);
export type MessageBody = z.infer<typeof messageBody>;

export const deliveredMessage = z.object({
  messageId,
  sessionId,
  /** The agent's own order within the session: strictly growing, from 1. */
  seq: z.number().int().positive(),
  role: messageRole,
  kind: messageKind,
  revision: z.number().int().positive(),
  body: messageBody,
  toolMetadata: toolMetadata.nullable().default(null),
  final: z.boolean().default(false),
  interrupted: z.boolean().default(false),
  truncated: truncation.nullable().default(null),
  timestamp: z.iso.datetime(),
});
export type DeliveredMessage = z.infer<typeof deliveredMessage>;

/**
 * The shape for a simple client: a whole message in `content`, without a revision. It is read as
 * final, revision 1, by {@link fromPlainMessage}.
 */
export const plainMessage = z.object({
  messageId,
  sessionId,
  seq: z.number().int().positive().optional(),
  role: messageRole,
  kind: messageKind.optional(),
  content: z.string(),
  toolMetadata: toolMetadata.nullable().optional(),
  timestamp: z.iso.datetime().optional(),
});
export type PlainMessage = z.infer<typeof plainMessage>;

export function fromPlainMessage(plain: PlainMessage, fallback: { seq: number; timestamp: string }): DeliveredMessage {
  return {
    messageId: plain.messageId,
    sessionId: plain.sessionId,
    seq: plain.seq ?? fallback.seq,
    role: plain.role,
    kind: plain.kind ?? (plain.role === "tool" ? "tool" : "text"),
    revision: 1,
    body: { mode: "replace", content: plain.content },
    toolMetadata: plain.toolMetadata ?? null,
    final: true,
    interrupted: false,
    truncated: null,
    timestamp: plain.timestamp ?? fallback.timestamp,
  };
}

/**
 * The envelope only: each row is parsed on its own ({@link deliveredMessage} or {@link plainMessage}),
 * so that one malformed row is `rejected` and its neighbours are stored.
 */
export const deliveryRequest = z.object({
  messages: z.array(z.unknown()).min(1).max(LIMITS.deliveryMaxMessages),
});

export const deliveryOutcome = z.enum(["stored", "duplicate", "behind", "conflict", "rejected"]);
export type DeliveryOutcome = z.infer<typeof deliveryOutcome>;

export const deliveryResult = z.object({
  /** As sent; a row without a readable id is identified only by its position in the batch. */
  messageId: z.string(),
  outcome: deliveryOutcome,
  /** Stored length in UTF-16 units (for `stored`, `duplicate` and `behind`). */
  length: z.number().int().nonnegative().optional(),
  /** Stored revision. */
  revision: z.number().int().nonnegative().optional(),
  reason: z.string().optional(),
});
export type DeliveryResult = z.infer<typeof deliveryResult>;

export const deliveryReply = z.object({
  persisted: z.number().int().nonnegative(),
  duplicates: z.number().int().nonnegative(),
  /** One for each row, in the order of the request. */
  results: z.array(deliveryResult),
});
export type DeliveryReply = z.infer<typeof deliveryReply>;
