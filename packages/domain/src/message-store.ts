/**
 * The store's side of delivery: what one delivered row does to the message that is stored, if any.
 * A message keeps its id, place, role and kind for ever; its content grows by revisions until it is final.
 *
 *   (none) ──revision──▶ growing ──higher revision──▶ growing ──final──▶ final (never changes)
 *
 * Keeps M1 (nothing is refused that may yet be accepted), M2 (an append joins only where it fits), M3.
 */
import type { MessageId, Millis, Result, SessionId } from "@samovar/base";
import { assertNever, err, ok } from "@samovar/base";
import type {
  DeliveredMessage,
  DeliveryResult,
  MessageKind,
  MessageRole,
  ToolMetadata,
  Truncation,
} from "@samovar/contracts";
import { deliveredMessage, fromPlainMessage, LIMITS, plainMessage } from "@samovar/contracts";
import { jsonBytes, utf8Bytes } from "./text-limits.ts";

export interface StoredMessage {
  readonly messageId: MessageId;
  readonly sessionId: SessionId;
  /** Dense per session from 0, given at first arrival. */
  readonly position: number;
  /** `node`: delivered, and covered by the transcript's digest. `page`: stored when a person or the control plane said it. */
  readonly origin: "node" | "page";
  readonly role: MessageRole;
  readonly kind: MessageKind;
  readonly content: string;
  readonly toolMetadata: ToolMetadata | null;
  readonly revision: number;
  readonly final: boolean;
  readonly interrupted: boolean;
  readonly truncated: Truncation | null;
  readonly createdAt: Millis;
}

/** How viewers learn of a stored change. `grown`: `text` joined at `offset` (UTF-16 units); the rest was replaced. */
export type MessageChange =
  | { readonly kind: "added" }
  | { readonly kind: "grown"; readonly offset: number; readonly text: string }
  | { readonly kind: "replaced" };

/** `next` is set only when something is to be stored. */
export type DeliveryDecision =
  | { readonly outcome: "stored"; readonly next: StoredMessage; readonly change: MessageChange }
  | { readonly outcome: "duplicate"; readonly stored: StoredMessage }
  /** `length` is where the sender must go on from: 0 when nothing is stored. */
  | { readonly outcome: "behind"; readonly length: number; readonly revision: number }
  | { readonly outcome: "conflict"; readonly reason: string }
  | { readonly outcome: "rejected"; readonly reason: string };

/** Where and when a message that is not stored yet would be. */
export interface Arrival {
  readonly position: number;
  readonly createdAt: Millis;
}

/** The session that a delivery is for. */
export interface DeliveryTarget {
  /** The token's. */
  readonly session: SessionId;
  /** The transcript was closed and verified: repeats are acknowledged, changes are rejected. */
  readonly isComplete?: boolean;
}

/** Judges one row, whose own session must be the target. Only the control plane adds user messages: a node may repeat one, not add it. */
export function decideDelivery(
  stored: StoredMessage | null,
  row: DeliveredMessage,
  target: DeliveryTarget,
  arrival: Arrival,
): DeliveryDecision {
  const decision = decideRow(stored, row, target, arrival);
  if (decision.outcome !== "stored" && decision.outcome !== "behind") return decision;
  if (row.role === "user") return rejected("a node cannot add a user message");
  return target.isComplete === true ? rejected("the transcript is complete and verified") : decision;
}

function decideRow(
  stored: StoredMessage | null,
  row: DeliveredMessage,
  { session }: DeliveryTarget,
  arrival: Arrival,
): DeliveryDecision {
  if (row.sessionId !== session) return rejected("the token speaks for another session");
  if (stored === null) return row.body.mode === "append" && row.body.offset > 0 ? behind(null) : added(row, arrival);
  if (stored.sessionId !== session) return conflict("the id belongs to a message of another session");
  if (stored.role !== row.role || stored.kind !== row.kind)
    return conflict("the id belongs to a message of another kind");
  if (row.revision < stored.revision) return { outcome: "duplicate", stored };
  if (row.revision === stored.revision) return sameRevision(stored, row);
  if (stored.final) return conflict("the message is final");
  return grown(stored, row);
}

/** The answer on the wire. */
export function toDeliveryResult(messageId: string, judgement: DeliveryDecision): DeliveryResult {
  switch (judgement.outcome) {
    case "stored":
      return { messageId, outcome: "stored", length: judgement.next.content.length, revision: judgement.next.revision };
    case "duplicate":
      return {
        messageId,
        outcome: "duplicate",
        length: judgement.stored.content.length,
        revision: judgement.stored.revision,
      };
    case "behind":
      return { messageId, outcome: "behind", length: judgement.length, revision: judgement.revision };
    case "conflict":
    case "rejected":
      return { messageId, outcome: judgement.outcome, reason: judgement.reason };
    default:
      return assertNever(judgement, "judgement");
  }
}

/** Reads one row of a delivery, in its full or its plain shape; the error names the fields that are wrong. */
export function readDeliveredRow(
  row: unknown,
  fallback: { readonly seq: number; readonly timestamp: string },
): Result<DeliveredMessage, { readonly messageId: string; readonly reason: string }> {
  if (isPlain(row)) {
    const plain = plainMessage.safeParse(row);
    return plain.success ? ok(fromPlainMessage(plain.data, fallback)) : unreadable(row, plain.error);
  }
  const full = deliveredMessage.safeParse(row);
  return full.success ? ok(full.data) : unreadable(row, full.error);
}

function added(row: DeliveredMessage, arrival: Arrival): DeliveryDecision {
  const next: StoredMessage = {
    messageId: row.messageId,
    sessionId: row.sessionId,
    position: arrival.position,
    origin: "node",
    role: row.role,
    kind: row.kind,
    createdAt: arrival.createdAt,
    ...stateOf(row, row.body.mode === "append" ? row.body.text : row.body.content),
  };
  return within(next, { kind: "added" });
}

function grown(stored: StoredMessage, row: DeliveredMessage): DeliveryDecision {
  const { body } = row;
  if (body.mode === "replace") return within({ ...stored, ...stateOf(row, body.content) }, { kind: "replaced" });
  if (!overlapAgrees(stored.content, body.offset, body.text))
    return conflict("the text before this append is another one");
  if (body.offset !== stored.content.length) return behind(stored);
  const next = { ...stored, ...stateOf(row, stored.content + body.text) };
  return within(next, { kind: "grown", offset: body.offset, text: body.text });
}

/** The same revision must say the same thing: then its first answer was lost, and nothing is to be done. */
function sameRevision(stored: StoredMessage, row: DeliveredMessage): DeliveryDecision {
  const { body } = row;
  const sameText =
    body.mode === "replace"
      ? body.content === stored.content
      : body.offset + body.text.length === stored.content.length && stored.content.startsWith(body.text, body.offset);
  // The store itself marks as interrupted what its session left open; of that the node knows nothing.
  const markedHere = stored.interrupted && !stored.final;
  const same =
    sameText &&
    row.final === stored.final &&
    (row.interrupted === stored.interrupted || markedHere) &&
    sameJson(row.truncated, stored.truncated) &&
    sameJson(row.toolMetadata, stored.toolMetadata);
  return same ? { outcome: "duplicate", stored } : conflict(`revision ${row.revision} is stored with other content`);
}

function stateOf(row: DeliveredMessage, content: string) {
  const { revision, toolMetadata, final, interrupted, truncated } = row;
  return { content, revision, toolMetadata, final, interrupted, truncated };
}

function within(next: StoredMessage, change: MessageChange): DeliveryDecision {
  const fault = limitFault(next);
  return fault === null ? { outcome: "stored", next, change } : rejected(fault);
}

function limitFault({ content, toolMetadata }: StoredMessage): string | null {
  // A database keeps text as UTF-8, which has no form for half a surrogate pair.
  if (!content.isWellFormed()) return "the content is not well-formed text";
  if (contentIsTooLong(content)) return `the content is longer than ${LIMITS.messageMaxContentBytes} bytes`;
  if (toolMetadata !== null && jsonBytes(toolMetadata) > LIMITS.toolMetadataMaxBytes) {
    return `the tool metadata is longer than ${LIMITS.toolMetadataMaxBytes} bytes`;
  }
  return null;
}

/** No UTF-16 unit takes more than three bytes, so short text need not be measured. */
function contentIsTooLong(content: string): boolean {
  const max = LIMITS.messageMaxContentBytes;
  return content.length * 3 > max && utf8Bytes(content) > max;
}

/** Whether what is stored from `offset` on is what the append says was there. */
function overlapAgrees(content: string, offset: number, text: string): boolean {
  const overlap = Math.min(content.length - offset, text.length);
  return overlap <= 0 || content.startsWith(text.slice(0, overlap), offset);
}

function behind(stored: StoredMessage | null): DeliveryDecision {
  return { outcome: "behind", length: stored?.content.length ?? 0, revision: stored?.revision ?? 0 };
}

const conflict = (reason: string): DeliveryDecision => ({ outcome: "conflict", reason });
const rejected = (reason: string): DeliveryDecision => ({ outcome: "rejected", reason });

/** Order of keys does not matter, absent fields do not count. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = new Map(Object.entries(a).filter(([, field]) => field !== undefined));
  const right = new Map(Object.entries(b).filter(([, field]) => field !== undefined));
  return (
    left.size === right.size && [...left].every(([key, field]) => right.has(key) && sameJson(field, right.get(key)))
  );
}

function isPlain(row: unknown): row is { readonly content: unknown } {
  return typeof row === "object" && row !== null && "content" in row && !("revision" in row) && !("body" in row);
}

function unreadable(
  row: unknown,
  error: { readonly issues: readonly { path: readonly PropertyKey[]; message: string }[] },
) {
  const issue = error.issues[0];
  const where = issue === undefined ? "" : issue.path.map(String).join(".");
  const reason = `${where === "" ? "row" : where}: ${issue?.message ?? "not a message"}`;
  return err({ messageId: idOf(row), reason });
}

function idOf(row: unknown): string {
  const id = typeof row === "object" && row !== null && "messageId" in row ? row.messageId : "";
  return typeof id === "string" ? id.slice(0, 100) : "";
}
