/** The life of a session apart from deliveries: made, linked to a workspace, given notices, ended. Each step may be repeated. */
import type { MessageId, Millis, SessionId, WorkspaceId } from "@samovar/base";
import type { SessionStatus, SessionView, ViewerEvent } from "@samovar/contracts";
import { SamovarError } from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";
import { changeEvent, storeChange } from "./deliver.ts";
import type { CreateSessionInput } from "./rpc.ts";
import type { ProjectStorage } from "./storage.ts";

export interface SessionStep {
  readonly session: SessionView;
  /** To be sent after the commit, in this order; none when nothing changed. */
  readonly events: readonly ViewerEvent[];
}

/** Throws `not_found`. */
export function requireSession(storage: ProjectStorage, id: SessionId): SessionView {
  const session = storage.session(id);
  if (session === null) throw new SamovarError("not_found", "There is no such session.");
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
    storage.saveSession(fresh);
    if (input.firstMessage === null) return { session: fresh, events: [{ type: "session.created", session: fresh }] };
    const { messageId, text } = input.firstMessage;
    const { session, event } = say(storage, fresh, { messageId, text, role: "user", kind: "text" }, now);
    return { session, events: [{ type: "session.created", session }, event] };
  });
}

/** A later workspace takes over when the session has ended, or when the earlier one never delivered anything. */
export function linkWorkspace(storage: ProjectStorage, id: SessionId, workspaceId: WorkspaceId): SessionStep {
  return storage.atomically(() => {
    const session = requireSession(storage, id);
    if (session.workspaceId === workspaceId) return { session, events: [] };
    const delivering =
      session.status === "active" && session.workspaceId !== null && storage.hasDelivered(id, session.workspaceId);
    if (delivering) throw new SamovarError("conflict", "Another workspace delivers to this session. End it first.");
    return changed(storage, { ...session, workspaceId, status: "active", endedAt: null }, "session.updated");
  });
}

/** The first end keeps its time; what ended it may still be corrected. */
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
    const ended = changed(storage, closed.session, "session.stopped");
    return { session: ended.session, events: [...closed.events, ...ended.events] };
  });
}

/** What was still growing when its node was lost: marked, and yet open to what the node may deliver after all. Keeps M1 [F30]. */
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
    const said = say(storage, session, { ...notice, role: "system", kind: "notice" }, now);
    return { session: said.session, events: [said.event, { type: "session.updated", session: said.session }] };
  });
}

function changed(
  storage: ProjectStorage,
  session: SessionView,
  type: "session.updated" | "session.stopped",
): SessionStep {
  storage.saveSession(session);
  return { session, events: [{ type, session }] };
}

/** A whole message of the page or the control plane. */
function say(
  storage: ProjectStorage,
  session: SessionView,
  said: { readonly messageId: MessageId; readonly text: string } & Pick<StoredMessage, "role" | "kind">,
  now: Millis,
): { readonly session: SessionView; readonly event: ViewerEvent } {
  const { messageId, text, role, kind } = said;
  const message: StoredMessage = {
    messageId,
    sessionId: session.id,
    position: session.messageCount,
    origin: "page",
    role,
    kind,
    // What people typed is kept as text that a database can keep.
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
