/**
 * The viewer's side of a session: a window of its messages that ends with the newest, and a cursor.
 * Events move the cursor by exactly one; anything else means that something was missed, and the viewer
 * subscribes again from what it has. A change copies the list of references, never the messages.
 *
 *   emptyTranscript | transcriptFromPage ──sync──▶ live ──event, version + 1──▶ live
 *                                            ▲                │ any gap
 *                                            └── subscribe ◀──┘ (outcome `resync`)
 *
 * Keeps M2, M3. Relies on a socket's order: pages of one `sync` are lost only together with their socket, and
 * events of a closed socket are never applied.
 */
import type { SessionId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type { MessageDelta, MessageView, ViewerEvent, ViewerFrame } from "@samovar/contracts";

export interface Transcript {
  readonly sessionId: SessionId;
  /** The cursor: everything up to this session version is in `messages`, as far as the window reaches. */
  readonly version: number;
  /** By position, without gaps, up to the newest. */
  readonly messages: readonly MessageView[];
  /** The newest version that may have changed a message before the window; an older page must be at least this new. */
  readonly missedVersion: number;
}

export type TranscriptEvent = Extract<ViewerEvent, { type: "sync" | "message.new" | "message.updated" }>;

export interface Applied {
  /** `stale`: known already, or of another session; `resync`: send {@link subscription} again. */
  readonly outcome: "applied" | "resync" | "stale";
  readonly transcript: Transcript;
}

/** Messages as `GET …/messages` answers them, with the session's version at that instant. */
export interface TranscriptPage {
  readonly messages: readonly MessageView[];
  readonly version: number;
}

export function emptyTranscript(sessionId: SessionId): Transcript {
  return { sessionId, version: 0, messages: [], missedVersion: 0 };
}

/** A transcript that begins with the newest page; older ones join with {@link prependPage}. */
export function transcriptFromPage(sessionId: SessionId, page: TranscriptPage): Transcript {
  return { sessionId, version: page.version, messages: page.messages, missedVersion: page.version };
}

/**
 * The frame that asks for what comes after a version. Who has nothing asks for the newest `tail` messages alone:
 * a window of them opens as fast for ten thousand as for ten.
 */
export function subscription(
  { sessionId, version }: Pick<Transcript, "sessionId" | "version">,
  tail?: number,
): Extract<ViewerFrame, { type: "subscribe" }> {
  const wantsTail = version === 0 && tail !== undefined;
  return { type: "subscribe", sessionId, afterVersion: version, ...(wantsTail ? { tail } : {}) };
}

/** Whether the first message of the session is in the window. */
export function reachesStart({ messages, version }: Transcript): boolean {
  const first = messages[0];
  return first === undefined ? version === 0 : first.position === 0;
}

export function isTranscriptEvent(event: ViewerEvent): event is TranscriptEvent {
  return event.type === "sync" || event.type === "message.new" || event.type === "message.updated";
}

export function applyEvent(transcript: Transcript, event: TranscriptEvent): Applied {
  if (event.sessionId !== transcript.sessionId) return stale(transcript);
  if (event.type === "sync") return applySync(transcript, event);
  if (event.version <= transcript.version) return stale(transcript);
  if (event.version !== transcript.version + 1) return resync(transcript);
  switch (event.type) {
    case "message.new":
      return put(transcript, event.version, event.message);
    case "message.updated":
      return event.change.mode === "whole"
        ? put(transcript, event.version, event.change.message)
        : grow(transcript, event.version, event.change.delta);
    default:
      return assertNever(event, "event");
  }
}

/**
 * Joins an older page in front of the window. `stale`: the page is older than a change that came by while it
 * was on its way (fetch it again). `resync`: it does not reach the window.
 */
export function prependPage(transcript: Transcript, page: TranscriptPage): Applied {
  const first = transcript.messages[0];
  if (first === undefined || page.version < transcript.missedVersion) return stale(transcript);
  const older = page.messages.filter(({ position }) => position < first.position);
  if (older.length === 0) return stale(transcript);
  if (!isDense(older, first.position - older.length)) return resync(transcript);
  return applied({ ...transcript, messages: [...older, ...transcript.messages] });
}

/** Pages of one answer come in order of position; the cursor moves with the last. */
function applySync(known: Transcript, event: Extract<TranscriptEvent, { type: "sync" }>): Applied {
  const restarts = event.restart === true;
  if (event.version < known.version && !restarts) return stale(known);
  const transcript = restarts ? emptyTranscript(known.sessionId) : known;
  const version = event.more ? transcript.version : event.version;
  const first = event.messages[0];
  if (first === undefined) return applied(version === transcript.version ? transcript : { ...transcript, version });
  const start = restarts ? first.position : startOf(transcript);
  const messages = [...transcript.messages];
  // A new window begins without what changed before it up to now: a page that was on its way may be older than that.
  let missedVersion = restarts ? event.version : transcript.missedVersion;
  for (const message of event.messages) {
    const index = message.position - start;
    if (index > messages.length) return resync(emptyTranscript(transcript.sessionId));
    if (index < 0) missedVersion = event.version;
    else if (isNewer(message, messages[index])) messages[index] = message;
  }
  return applied({ ...transcript, messages, missedVersion, version });
}

function put(transcript: Transcript, version: number, message: MessageView): Applied {
  const index = message.position - startOf(transcript);
  if (index > transcript.messages.length) return resync(emptyTranscript(transcript.sessionId));
  if (index < 0) return applied({ ...transcript, version, missedVersion: version });
  if (!isNewer(message, transcript.messages[index])) return applied({ ...transcript, version });
  return applied({ ...transcript, version, messages: withMessage(transcript.messages, index, message) });
}

function grow(transcript: Transcript, version: number, delta: MessageDelta): Applied {
  // From the end: what grows is nearly always among the newest.
  const index = transcript.messages.findLastIndex(({ messageId }) => messageId === delta.messageId);
  const message = transcript.messages[index];
  if (message === undefined) {
    if (reachesStart(transcript)) return resync(emptyTranscript(transcript.sessionId));
    return applied({ ...transcript, version, missedVersion: version });
  }
  if (delta.revision <= message.revision) return applied({ ...transcript, version });
  if (delta.offset !== message.content.length) return resync(transcript);
  const { messageId: _id, offset: _offset, text, ...rest } = delta;
  const grown = { ...message, ...rest, content: message.content + text };
  return applied({ ...transcript, version, messages: withMessage(transcript.messages, index, grown) });
}

/** A shallow copy: 10,000 references, whatever the messages hold. */
function withMessage(messages: readonly MessageView[], index: number, message: MessageView): readonly MessageView[] {
  const next = messages.slice();
  next[index] = message;
  return next;
}

const startOf = ({ messages }: Transcript): number => messages[0]?.position ?? 0;

const isNewer = (message: MessageView, known: MessageView | undefined): boolean =>
  known === undefined || message.revision > known.revision;

const isDense = (messages: readonly MessageView[], from: number): boolean =>
  from >= 0 && messages.every(({ position }, index) => position === from + index);

const applied = (transcript: Transcript): Applied => ({ outcome: "applied", transcript });
const resync = (transcript: Transcript): Applied => ({ outcome: "resync", transcript });
const stale = (transcript: Transcript): Applied => ({ outcome: "stale", transcript });
