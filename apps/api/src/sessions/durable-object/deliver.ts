/** One delivery, in one transaction: each row is judged on its own, and viewers are told only of what was stored. Keeps M1, M2, M3. */
import type { Millis } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type {
  DeliveredMessage,
  DeliveryReply,
  DeliveryResult,
  SessionView,
  ViewerEvent,
  WorkspaceClaims,
} from "@samovar/contracts";
import type { MessageChange, StoredMessage } from "@samovar/domain/message-store";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "@samovar/domain/message-store";
import { activityAfter } from "./activity.ts";
import { viewOf } from "./rows.ts";
import type { ProjectStorage } from "./storage.ts";
import { topicOf } from "./topic.ts";

export interface Delivery {
  readonly reply: DeliveryReply;
  /** To be sent after the commit, in this order. */
  readonly events: readonly ViewerEvent[];
}

export function applyDelivery(
  storage: ProjectStorage,
  claims: WorkspaceClaims,
  rows: readonly unknown[],
  now: Millis,
): Delivery {
  return storage.atomically(() => {
    const before = storage.session(claims.session);
    if (before === null || before.projectId !== claims.project) return refused(rows);
    const results: DeliveryResult[] = [];
    const events: ViewerEvent[] = [];
    let session = before;
    for (const [index, raw] of rows.entries()) {
      const row = readDeliveredRow(raw, { seq: index + 1, timestamp: new Date(now).toISOString() });
      if (!row.ok) {
        results.push({ messageId: row.error.messageId, outcome: "rejected", reason: row.error.reason });
        continue;
      }
      const applied = applyRow(storage, session, claims, row.value, now);
      results.push(applied.result);
      if (applied.event !== null) events.push(applied.event);
      session = applied.session;
    }
    if (session !== before) storage.saveSession(session);
    // The list of sessions shows counts, times and what was done last, not each word.
    if (session.messageCount !== before.messageCount || session.activity !== before.activity)
      events.push({ type: "session.updated", session });
    return { reply: replyOf(results), events };
  });
}

/** Stores a message as the next change of its session; the caller saves the session. */
export function storeChange(
  storage: ProjectStorage,
  session: SessionView,
  change: {
    readonly message: StoredMessage;
    readonly kind: MessageChange;
    readonly workspaceId: SessionView["workspaceId"];
    readonly now: Millis;
  },
): { readonly session: SessionView; readonly event: ViewerEvent } {
  const { message, kind, workspaceId, now } = change;
  const version = session.version + 1;
  storage.saveMessage(message, { changedAtVersion: version, workspaceId });
  const next: SessionView = {
    ...session,
    version,
    messageCount: session.messageCount + (kind.kind === "added" ? 1 : 0),
    lastMessageAt: now,
    activity: activityAfter(session.activity, message, now),
    topic: session.topic ?? (message.role === "user" ? topicOf(message.content) : null),
  };
  return { session: next, event: changeEvent(message, version, kind) };
}

function applyRow(
  storage: ProjectStorage,
  session: SessionView,
  claims: WorkspaceClaims,
  row: DeliveredMessage,
  now: Millis,
) {
  const arrival = { position: session.messageCount, createdAt: saidAt(row.timestamp, session.startedAt, now) };
  const judgement = decideDelivery(storage.message(row.messageId), row, claims, arrival);
  const result = toDeliveryResult(row.messageId, judgement);
  if (judgement.outcome !== "stored") return { session, result, event: null };
  const { next, change: kind } = judgement;
  // Nobody waits for the rest any more; should it come all the same, it is taken.
  const message = session.status === "active" || next.final ? next : { ...next, interrupted: true };
  return { result, ...storeChange(storage, session, { message, kind, workspaceId: claims.workspace, now }) };
}

export function changeEvent(message: StoredMessage, version: number, change: MessageChange): ViewerEvent {
  const { sessionId, messageId, revision, final, interrupted, truncated, toolMetadata } = message;
  switch (change.kind) {
    case "added":
      return { type: "message.new", sessionId, version, message: viewOf(message) };
    case "replaced":
      return { type: "message.updated", sessionId, version, change: { mode: "whole", message: viewOf(message) } };
    case "grown": {
      const { offset, text } = change;
      const delta = { messageId, revision, offset, text, final, interrupted, truncated, toolMetadata };
      return { type: "message.updated", sessionId, version, change: { mode: "delta", delta } };
    }
    default:
      return assertNever(change, "change");
  }
}

/** The node says when; our own clock sets the bounds, so that a wrong clock there cannot tell of the future. */
function saidAt(timestamp: string, startedAt: Millis, now: Millis): Millis {
  return Math.min(Math.max(Date.parse(timestamp), startedAt), now);
}

function refused(rows: readonly unknown[]): Delivery {
  const results = rows.map((raw): DeliveryResult => {
    const row = readDeliveredRow(raw, { seq: 1, timestamp: new Date(0).toISOString() });
    const messageId = row.ok ? row.value.messageId : row.error.messageId;
    return { messageId, outcome: "rejected", reason: "there is no such session" };
  });
  return { reply: replyOf(results), events: [] };
}

function replyOf(results: DeliveryResult[]): DeliveryReply {
  const count = (outcome: DeliveryResult["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  return { persisted: count("stored"), duplicates: count("duplicate"), results };
}
