/**
 * The project's viewers: hibernatable sockets. Each is tagged with the access that opened it (a sign-in session or API token),
 * and has that access's expiry and the sessions that it follows in its attachment, where an evicted object finds them again.
 * Events are sent after the commit, in its order, and only to sockets whose access is valid. Keeps M3, S1.
 */
import type { Clock, SessionId } from "@samovar/base";
import { assertNever, parseJson } from "@samovar/base";
import type { AccessEnd, AccessId, SessionView, ViewerEvent, ViewerFrame } from "@samovar/contracts";
import {
  ACCESS_END_CLOSE,
  apiTokenId,
  LIMITS,
  millis,
  sessionId,
  signInSessionId,
  VIEWER_CLOSE,
  viewerFrame,
} from "@samovar/contracts";
import * as z from "zod";
import { wakeBy } from "./alarm.ts";

export const VIEWER_LIMITS = {
  sockets: 256,
  /** Sessions that one socket may follow at a time; they must fit its attachment. */
  subscriptions: 32,
  /** Characters of a frame from a viewer. */
  frameChars: 4096,
  /** Characters sent since the viewer's last ping or frame; a viewer that stopped reading is disconnected and resumes later. */
  unacknowledgedChars: 12 * 1024 * 1024,
} as const;

const accessSchema = z.object({ id: z.union([signInSessionId, apiTokenId]), expiresAt: millis.nullable() });
const attachment = z.object({ subscriptions: z.array(sessionId), expiresAt: millis.nullable() });
type Attachment = z.infer<typeof attachment>;
const OPEN = 1;

export interface ViewerDeps {
  readonly context: DurableObjectState;
  readonly clock: Clock;
  readonly session: (id: SessionId) => SessionView | null;
  /** The answer to `subscribe`. */
  readonly sync: (session: SessionView, afterVersion: number, tail: number | null) => Iterable<ViewerEvent>;
}

type Subscribe = Extract<ViewerFrame, { type: "subscribe" }>;

export class Viewers {
  readonly #deps: ViewerDeps;
  /** Lost on hibernation, which happens only while nothing is sent. */
  readonly #sent = new WeakMap<WebSocket, { chars: number; pingedAt: number }>();

  constructor(deps: ViewerDeps) {
    this.#deps = deps;
    deps.context.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
  }

  /** Accepts an upgrade that the route has authorised; `access`: the route's header. */
  async accept(access: string | null): Promise<Response> {
    const parsed = accessSchema.safeParse(access === null ? null : parseJson(access));
    if (!parsed.success) return new Response(null, { status: 400 });
    if (this.#sockets().length >= VIEWER_LIMITS.sockets) return new Response(null, { status: 503 });
    const { id, expiresAt } = parsed.data;
    const { 0: client, 1: server } = new WebSocketPair();
    this.#deps.context.acceptWebSocket(server, [id]);
    saveAttachment(server, { subscriptions: [], expiresAt });
    if (expiresAt !== null) await wakeBy(this.#deps.context.storage, expiresAt);
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Closes the sockets of an access that has ended. */
  closeAll(accessId: AccessId, end: AccessEnd): void {
    for (const socket of this.#deps.context.getWebSockets(accessId)) close(socket, end);
  }

  /** Closes the sockets whose access has expired, and sets the alarm for the next one. */
  async closeExpired(): Promise<void> {
    const left = this.#sockets().flatMap((socket) =>
      this.#isValid(socket) ? (getAttachment(socket).expiresAt ?? []) : [],
    );
    if (left.length > 0) await wakeBy(this.#deps.context.storage, Math.min(...left));
  }

  receive(socket: WebSocket, data: string | ArrayBuffer): void {
    this.#sent.delete(socket);
    if (!this.#isValid(socket)) return;
    if (data instanceof ArrayBuffer || data.length > VIEWER_LIMITS.frameChars) {
      socket.close(VIEWER_CLOSE.tooBig, "frame too long, or not text");
      return;
    }
    const frame = parseFrame(data);
    if (frame === null)
      return this.#send(socket, { type: "error", code: "invalid_request", message: "Unknown frame." });
    this.#answer(socket, frame);
  }

  /** Sends message events to the session's followers and all other events to every viewer. */
  publish(events: readonly ViewerEvent[]): void {
    if (events.length === 0) return;
    for (const socket of this.#sockets()) {
      if (!this.#isValid(socket)) continue;
      const followed = getSubscriptions(socket);
      for (const event of events) {
        if (isForFollowers(event) && !followed.includes(event.sessionId)) continue;
        this.#send(socket, event);
      }
    }
  }

  #answer(socket: WebSocket, frame: ViewerFrame): void {
    switch (frame.type) {
      case "subscribe":
        return this.#subscribe(socket, frame);
      case "unsubscribe":
        return saveSubscriptions(
          socket,
          getSubscriptions(socket).filter((id) => id !== frame.sessionId),
        );
      case "ping":
        return this.#send(socket, { type: "pong" });
      default:
        return assertNever(frame, "frame");
    }
  }

  /** Synchronous, so that no change falls between the answer and the first live event. */
  #subscribe(socket: WebSocket, { sessionId: id, afterVersion, tail }: Subscribe): void {
    const session = this.#deps.session(id);
    if (session === null)
      return this.#send(socket, { type: "error", code: "not_found", message: "Session not found." });
    const others = getSubscriptions(socket).filter((each) => each !== id);
    if (others.length >= VIEWER_LIMITS.subscriptions) {
      const message = `A connection may follow at most ${VIEWER_LIMITS.subscriptions} sessions; unsubscribe from one first.`;
      return this.#send(socket, { type: "error", code: "rate_limited", message });
    }
    saveSubscriptions(socket, [...others, id]);
    for (const event of this.#deps.sync(session, afterVersion, tail ?? null)) this.#send(socket, event);
  }

  #send(socket: WebSocket, event: ViewerEvent): void {
    if (socket.readyState !== OPEN) return;
    const text = JSON.stringify(event);
    if (this.#countUnacknowledged(socket, text.length) > VIEWER_LIMITS.unacknowledgedChars) {
      socket.close(VIEWER_CLOSE.tooSlow, "too slow; reconnect");
      return;
    }
    socket.send(text);
  }

  /** Adds to the characters sent since the last ping or frame. The platform answers pings without waking the object, but records their time. */
  #countUnacknowledged(socket: WebSocket, chars: number): number {
    const pingedAt = this.#deps.context.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    const known = this.#sent.get(socket);
    const sent = known === undefined || known.pingedAt !== pingedAt ? { chars: 0, pingedAt } : known;
    sent.chars += chars;
    this.#sent.set(socket, sent);
    return sent.chars;
  }

  /** False for a closed socket, and for one whose access has expired, which this closes. */
  #isValid(socket: WebSocket): boolean {
    if (socket.readyState !== OPEN) return false;
    const { expiresAt } = getAttachment(socket);
    if (expiresAt === null || expiresAt > this.#deps.clock.now()) return true;
    close(socket, "expired");
    return false;
  }

  #sockets(): readonly WebSocket[] {
    return this.#deps.context.getWebSockets();
  }
}

function isForFollowers(event: ViewerEvent): event is Extract<ViewerEvent, { readonly sessionId: SessionId }> {
  return "sessionId" in event;
}

const getAttachment = (socket: WebSocket): Attachment => attachment.parse(socket.deserializeAttachment());

const saveAttachment = (socket: WebSocket, value: Attachment): void => socket.serializeAttachment(value);

const getSubscriptions = (socket: WebSocket): readonly SessionId[] => getAttachment(socket).subscriptions;

function saveSubscriptions(socket: WebSocket, subscriptions: SessionId[]): void {
  saveAttachment(socket, { ...getAttachment(socket), subscriptions });
}

function close(socket: WebSocket, end: AccessEnd): void {
  const { code, reason } = ACCESS_END_CLOSE[end];
  socket.close(code, reason);
}

function parseFrame(text: string): ViewerFrame | null {
  return viewerFrame.safeParse(parseJson(text, LIMITS.jsonMaxDepth)).data ?? null;
}
