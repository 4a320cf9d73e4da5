/** Applies one delivery in one transaction: each row gets its own result, and viewers receive only stored changes. Keeps M1, M2, M3. */
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
import type { DeliveryTarget, MessageChange, StoredMessage } from "@samovar/domain/message-store";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "@samovar/domain/message-store";
import { nextActivity } from "./activity.ts";
import { requireDeliverer } from "./deliverers.ts";
import { toMessageView } from "./rows.ts";
import type { ProjectStorage } from "./storage.ts";
import { deriveTopic } from "./topic.ts";

export interface Delivery {
  readonly reply: DeliveryReply;
  /** To publish after the commit, in this order. */
  readonly events: readonly ViewerEvent[];
  /** Whether a message became final. */
  readonly hasFinished: boolean;
}

/** Throws `unauthenticated` if the workspace may not deliver any more. */
export function applyDelivery(
  storage: ProjectStorage,
  claims: WorkspaceClaims,
  rows: readonly unknown[],
  now: Millis,
): Delivery {
  return storage.atomically(() => {
    requireDeliverer(storage, claims, now);
    const before = storage.session(claims.session);
    if (before === null || before.projectId !== claims.project) return rejectAll(rows);
    const target = { session: before.id, isComplete: storage.isComplete(before.id) };
    const results: DeliveryResult[] = [];
    const events: ViewerEvent[] = [];
    let session = before;
    let hasFinished = false;
    for (const [index, raw] of rows.entries()) {
      const row = readDeliveredRow(raw, { seq: index + 1, timestamp: new Date(now).toISOString() });
      if (!row.ok) {
        results.push({ messageId: row.error.messageId, outcome: "rejected", reason: row.error.reason });
        continue;
      }
      const applied = applyRow(storage, session, { claims, target, now }, row.value);
      results.push(applied.result);
      if (applied.event !== null) events.push(applied.event);
      session = applied.session;
      hasFinished ||= applied.isFinal;
    }
    // Lists of sessions show counts, times and the latest activity, not each word.
    const isListedAnew = session.messageCount !== before.messageCount || session.activity !== before.activity;
    // The rows of messages that only grew have the session's version, until they are final.
    if (isListedAnew || hasFinished) storage.saveSession(session);
    if (isListedAnew) events.push({ type: "session.updated", session });
    return { reply: toReply(results), events, hasFinished };
  });
}

/** Stores a message as the session's next change. The caller saves the session, unless an open message only grew. */
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
  const stored = { version, at: now, workspaceId };
  if (kind.kind === "added") storage.addMessage(message, stored);
  else storage.updateMessage(message, stored);
  const next: SessionView = {
    ...session,
    version,
    messageCount: session.messageCount + (kind.kind === "added" ? 1 : 0),
    lastMessageAt: now,
    activity: nextActivity(session.activity, message, now),
    topic: session.topic ?? (message.role === "user" ? deriveTopic(message.content) : null),
  };
  return { session: next, event: changeEvent(message, version, kind) };
}

function applyRow(
  storage: ProjectStorage,
  session: SessionView,
  { claims, target, now }: { readonly claims: WorkspaceClaims; readonly target: DeliveryTarget; readonly now: Millis },
  row: DeliveredMessage,
) {
  const arrival = { position: session.messageCount, createdAt: clampTimestamp(row.timestamp, session.startedAt, now) };
  const decision = decideDelivery(storage.message(row.messageId), row, target, arrival);
  const result = toDeliveryResult(row.messageId, decision);
  if (decision.outcome !== "stored") return { session, result, event: null, isFinal: false };
  const { next, change: kind } = decision;
  // The session has ended, so its growing message counts as interrupted; a later delivery may still complete it.
  const message = session.status === "active" || next.final ? next : { ...next, interrupted: true };
  const stored = storeChange(storage, session, { message, kind, workspaceId: claims.workspace, now });
  return { result, ...stored, isFinal: message.final };
}

export function changeEvent(message: StoredMessage, version: number, change: MessageChange): ViewerEvent {
  const { sessionId, messageId, revision, final, interrupted, truncated, toolMetadata } = message;
  switch (change.kind) {
    case "added":
      return { type: "message.new", sessionId, version, message: toMessageView(message) };
    case "replaced":
      return {
        type: "message.updated",
        sessionId,
        version,
        change: { mode: "whole", message: toMessageView(message) },
      };
    case "grown": {
      const { offset, text } = change;
      const delta = { messageId, revision, offset, text, final, interrupted, truncated, toolMetadata };
      return { type: "message.updated", sessionId, version, change: { mode: "delta", delta } };
    }
    default:
      return assertNever(change, "change");
  }
}

/** Clamps the node's timestamp to [session start, now]. */
function clampTimestamp(timestamp: string, startedAt: Millis, now: Millis): Millis {
  return Math.min(Math.max(Date.parse(timestamp), startedAt), now);
}

function rejectAll(rows: readonly unknown[]): Delivery {
  const results = rows.map((raw): DeliveryResult => {
    const row = readDeliveredRow(raw, { seq: 1, timestamp: new Date(0).toISOString() });
    const messageId = row.ok ? row.value.messageId : row.error.messageId;
    return { messageId, outcome: "rejected", reason: "session not found" };
  });
  return { reply: toReply(results), events: [], hasFinished: false };
}

function toReply(results: DeliveryResult[]): DeliveryReply {
  const count = (outcome: DeliveryResult["outcome"]) => results.filter((result) => result.outcome === outcome).length;
  return { persisted: count("stored"), duplicates: count("duplicate"), results };
}
