/**
 * What the outbox sends next, and what a delivery result means for a row. Text travels as appends from the acknowledged
 * length, everything else whole. A row leaves only when the store has its final revision. Keeps M1, M2.
 */
import type { MessageId, Millis, SessionId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type { DeliveredMessage, DeliveryResult, MessageBody, MessageKind } from "@samovar/contracts";
import type { EmittedMessage } from "./emitted-message.ts";
import { fitJson, jsonBytes } from "./text-limits.ts";

export interface OutboxRow extends EmittedMessage {
  /** The agent's own order: strictly growing, from 1. */
  readonly seq: number;
  /** Grows with each change. */
  readonly revision: number;
  /** The newest revision that the store has; 0 for none. */
  readonly ackedRevision: number;
  /** UTF-16 units of content that the store has. */
  readonly ackedLength: number;
}

export interface BatchLimits {
  readonly rows: number;
  /** Bytes of JSON; one row that cannot be split may take more. */
  readonly bytes: number;
}

/** The part of a row that was sent. */
export interface SentRow {
  readonly messageId: MessageId;
  readonly revision: number;
  /** Length of the content that the store has when it takes this. */
  readonly length: number;
  /** False: a part of the text. The row moves on to its next revision, since one revision has one content. */
  readonly whole: boolean;
  /** Whether a smaller limit could make this smaller. */
  readonly divisible: boolean;
}

export interface Batch {
  readonly messages: readonly DeliveredMessage[];
  readonly sent: readonly SentRow[];
}

export type RowOutcome =
  /** The store has this much. `done`: the row can go. */
  | { readonly kind: "acked"; readonly revision: number; readonly length: number; readonly done: boolean }
  /** Send again from `length`, as revision `revision`. */
  | { readonly kind: "rewound"; readonly revision: number; readonly length: number }
  | { readonly kind: "dead"; readonly reason: string };

/** A text is not cut into pieces smaller than this. */
const MIN_PIECE_BYTES = 256;
const REASON_MAX_CHARS = 500;

const growsByAppends = (kind: MessageKind): boolean => kind === "text" || kind === "thought";

/** `rows`: pending, by seq. At least one is sent; their order is kept. */
export function planBatch(sessionId: SessionId, rows: readonly OutboxRow[], limits: BatchLimits): Batch {
  const messages: DeliveredMessage[] = [];
  const sent: SentRow[] = [];
  let room = limits.bytes;
  for (const row of rows.slice(0, limits.rows)) {
    const { message, part } = rowMessage(sessionId, row, room);
    const bytes = jsonBytes(message) + 1;
    if (messages.length > 0 && bytes > room) break;
    messages.push(message);
    sent.push(part);
    room -= bytes;
    if (!part.whole || room <= 0) break;
  }
  return { messages, sent };
}

/** What `result` means for `row`, which may have grown since `sent` went out. */
export function resolveRow(row: OutboxRow, sent: SentRow, result: DeliveryResult): RowOutcome {
  switch (result.outcome) {
    case "stored":
      return acked(row, sent, result.length ?? sent.length);
    case "duplicate":
      return duplicate(row, sent, result);
    case "behind":
      return rewind(row, row.revision, result.length ?? 0);
    case "conflict":
    case "rejected":
      return {
        kind: "dead",
        reason: `${result.outcome}: ${result.reason ?? "no reason given"}`.slice(0, REASON_MAX_CHARS),
      };
    default:
      return assertNever(result.outcome, "outcome");
  }
}

function acked(row: OutboxRow, sent: SentRow, length: number): RowOutcome {
  const done = row.final && row.revision === sent.revision && sent.whole;
  return {
    kind: "acked",
    revision: sent.revision,
    length: growsByAppends(row.kind) ? length : row.content.length,
    done,
  };
}

/**
 * Usually the answer to a repeated row. A store that is ahead has received what a lost or damaged file forgot:
 * then continue above its revision, from its length.
 */
function duplicate(row: OutboxRow, sent: SentRow, result: DeliveryResult): RowOutcome {
  const revision = result.revision ?? sent.revision;
  const length = result.length ?? sent.length;
  const isRepeat = revision === sent.revision && (!growsByAppends(row.kind) || length === sent.length);
  return isRepeat ? acked(row, sent, length) : rewind(row, Math.max(row.revision, revision) + 1, length);
}

function rewind(row: OutboxRow, revision: number, length: number): RowOutcome {
  if (!growsByAppends(row.kind)) return { kind: "rewound", revision, length: 0 };
  if (length > row.content.length)
    return { kind: "dead", reason: "conflict: the store has more text than was emitted" };
  return { kind: "rewound", revision, length };
}

function rowMessage(sessionId: SessionId, row: OutboxRow, room: number): { message: DeliveredMessage; part: SentRow } {
  const frame = {
    messageId: row.messageId,
    sessionId,
    seq: row.seq,
    role: row.role,
    kind: row.kind,
    revision: row.revision,
    toolMetadata: row.toolMetadata,
    timestamp: timestamp(row.createdAt),
  };
  const flags = { final: row.final, interrupted: row.interrupted, truncated: row.truncated };
  const end = growsByAppends(row.kind) ? pieceEnd(row, room - jsonBytes({ ...frame, ...flags })) : row.content.length;
  const whole = end === row.content.length;
  const message: DeliveredMessage = {
    ...frame,
    body: bodyOf(row, end),
    ...(whole ? flags : { final: false, interrupted: false, truncated: null }),
  };
  const divisible = growsByAppends(row.kind) && end - row.ackedLength > MIN_PIECE_BYTES;
  return { message, part: { messageId: row.messageId, revision: row.revision, length: end, whole, divisible } };
}

/** Where this piece of the text ends. */
function pieceEnd(row: OutboxRow, room: number): number {
  return fitJson(row.content, row.ackedLength, Math.max(MIN_PIECE_BYTES, room - 60));
}

const bodyOf = (row: OutboxRow, end: number): MessageBody =>
  growsByAppends(row.kind)
    ? { mode: "append", offset: row.ackedLength, text: row.content.slice(row.ackedLength, end) }
    : { mode: "replace", content: row.content };

const timestamp = (at: Millis): string => new Date(at).toISOString();
