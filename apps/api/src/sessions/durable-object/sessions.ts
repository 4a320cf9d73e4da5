/** Changes of a session other than deliveries: create, link to a workspace, add a notice, end. Each may be repeated. */
import type { MessageId, Millis, SessionId, WorkspaceId } from "@samovar/base";
import type { SessionStatus, SessionView, ViewerEvent } from "@samovar/contracts";
import { SamovarError } from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";
import { changeEvent, storeChange } from "./deliver.ts";
import type { CreateSessionInput } from "./rpc.ts";
import type { ProjectStorage } from "./storage.ts";

export interface SessionStep {
  readonly session: SessionView;
  /** To publish after the commit, in this order; empty if nothing changed. */
  readonly events: readonly ViewerEvent[];
}

/** Throws `not_found`. */
export function requireSession(storage: ProjectStorage, id: SessionId): SessionView {
  const session = storage.session(id);
  if (session === null) throw new SamovarError("not_found", "Session not found.");
  return session;
}

export function createSession(storage: ProjectStorage, input: CreateSessionInput, now: Millis): SessionStep {
  return storage.atomically(() => {
    const known = storage.session(input.sessionId);
    if (known !== null) {
      if (known.taskId !== input.taskId) throw new SamovarError("conflict", "This session belongs to another task.");
      return { session: known, events: [] };
    }
    const fresh = newSession(input, now);
    storage.addSession(fresh);
    if (input.firstMessage === null) return { session: fresh, events: [{ type: "session.created", session: fresh }] };
    const { messageId, text } = input.firstMessage;
    const { session, event } = appendMessage(storage, fresh, { messageId, text, role: "user", kind: "text" }, now);
    return { session, events: [{ type: "session.created", session }, event] };
  });
}

/** A later workspace may take over once the session has ended, or if the earlier one has delivered nothing. */
export function linkWorkspace(storage: ProjectStorage, id: SessionId, workspaceId: WorkspaceId): SessionStep {
  return storage.atomically(() => {
    const session = requireSession(storage, id);
    if (session.workspaceId === workspaceId) return { session, events: [] };
    const isDelivering =
      session.status === "active" && session.workspaceId !== null && storage.hasDelivered(id, session.workspaceId);
    if (isDelivering) throw new SamovarError("conflict", "Another workspace delivers to this session. End it first.");
    storage.reopen(id);
    return saveAndPublish(storage, { ...session, workspaceId, status: "active", endedAt: null }, "session.updated");
  });
}

/** A later call may correct the status, but not the time of the end. */
export function endSession(
  storage: ProjectStorage,
  id: SessionId,
  status: Exclude<SessionStatus, "active">,
  now: Millis,
): SessionStep {
  return storage.atomically(() => {
    const session = requireSession(storage, id);
    if (session.status === status) return { session, events: [] };
    const closed = interruptOpen(storage, { ...session, status, endedAt: session.endedAt ?? now });
    const ended = saveAndPublish(storage, closed.session, "session.stopped");
    return { session: ended.session, events: [...closed.events, ...ended.events] };
  });
}

/** Marks messages that were still growing when their node was lost; the node may still complete them. Keeps M1 [F30]. */
function interruptOpen(storage: ProjectStorage, session: SessionView): SessionStep {
  const events: ViewerEvent[] = [];
  let { version } = session;
  for (const message of storage.open(session.id)) {
    const interrupted = { ...message, interrupted: true };
    storage.interrupt(message.messageId, ++version);
    events.push(changeEvent(interrupted, version, { kind: "replaced" }));
  }
  return { session: { ...session, version }, events };
}

export function addNotice(
  storage: ProjectStorage,
  id: SessionId,
  notice: { readonly messageId: MessageId; readonly text: string },
  now: Millis,
): SessionStep {
  return storage.atomically(() => {
    const session = requireSession(storage, id);
    const known = storage.message(notice.messageId);
    if (known !== null) {
      if (known.sessionId !== id) throw new SamovarError("conflict", "This notice belongs to another session.");
      return { session, events: [] };
    }
    const appended = appendMessage(storage, session, { ...notice, role: "system", kind: "notice" }, now);
    return {
      session: appended.session,
      events: [appended.event, { type: "session.updated", session: appended.session }],
    };
  });
}

function saveAndPublish(
  storage: ProjectStorage,
  session: SessionView,
  type: "session.updated" | "session.stopped",
): SessionStep {
  storage.saveSession(session);
  return { session, events: [{ type, session }] };
}

/** Appends a complete message of the page or the control plane. */
function appendMessage(
  storage: ProjectStorage,
  session: SessionView,
  draft: { readonly messageId: MessageId; readonly text: string } & Pick<StoredMessage, "role" | "kind">,
  now: Millis,
): { readonly session: SessionView; readonly event: ViewerEvent } {
  const { messageId, text, role, kind } = draft;
  const message: StoredMessage = {
    messageId,
    sessionId: session.id,
    position: session.messageCount,
    origin: "page",
    role,
    kind,
    // People may type lone surrogates, which SQLite cannot store.
    content: text.toWellFormed(),
    toolMetadata: null,
    revision: 1,
    final: true,
    interrupted: false,
    truncated: null,
    createdAt: now,
  };
  const stored = storeChange(storage, session, { message, kind: { kind: "added" }, workspaceId: null, now });
  storage.saveSession(stored.session);
  return stored;
}

function newSession({ sessionId, projectId, taskId }: CreateSessionInput, now: Millis): SessionView {
  return {
    id: sessionId,
    projectId,
    taskId,
    workspaceId: null,
    topic: null,
    status: "active",
    version: 0,
    messageCount: 0,
    lastMessageAt: null,
    activity: null,
    startedAt: now,
    endedAt: null,
  };
}
