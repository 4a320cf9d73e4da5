/**
 * The project's viewers: hibernatable sockets, each with the sessions that it follows kept in its attachment, so
 * that an evicted object knows them again. Events go out after the commit, in its order. Keeps M3.
 */
import type { SessionId } from "@samovar/base";
import { assertNever, parseJson } from "@samovar/base";
import type { SessionView, ViewerEvent, ViewerFrame } from "@samovar/contracts";
import { sessionId, viewerFrame } from "@samovar/contracts";
import * as z from "zod";

export const VIEWER_LIMITS = {
  sockets: 256,
  /** Sessions that one socket follows at a time; they have to fit its attachment. */
  subscriptions: 32,
  /** Characters of a frame that a viewer sends. */
  frameChars: 4096,
  /** Characters sent without a sign of life (a ping, a frame); a viewer that stopped reading is cut off, and resumes later. */
  unheardChars: 12 * 1024 * 1024,
} as const;

/** WebSocket close codes. */
export const VIEWER_CLOSE = { tooBig: 1009, tooSlow: 1013 } as const;

const attachment = z.object({ subscriptions: z.array(sessionId) });
const OPEN = 1;

export interface ViewerDeps {
  readonly context: DurableObjectState;
  readonly session: (id: SessionId) => SessionView | null;
  /** What answers `subscribe`. */
  readonly sync: (session: SessionView, afterVersion: number, tail: number | null) => Iterable<ViewerEvent>;
}

type Subscribe = Extract<ViewerFrame, { type: "subscribe" }>;

export class Viewers {
  readonly #deps: ViewerDeps;
  /** Lives as long as the object does not sleep; and it sleeps only when nothing is sent. */
  readonly #sent = new WeakMap<WebSocket, { chars: number; heardAt: number }>();

  constructor(deps: ViewerDeps) {
    this.#deps = deps;
    deps.context.setWebSocketAutoResponse(new WebSocketRequestResponsePair('{"type":"ping"}', '{"type":"pong"}'));
  }

  /** The answer to an upgrade that the route has authorised. */
  accept(): Response {
    if (this.#sockets().length >= VIEWER_LIMITS.sockets) return new Response(null, { status: 503 });
    const { 0: client, 1: server } = new WebSocketPair();
    this.#deps.context.acceptWebSocket(server);
    follow(server, []);
    return new Response(null, { status: 101, webSocket: client });
  }

  receive(socket: WebSocket, data: string | ArrayBuffer): void {
    this.#sent.delete(socket);
    if (data instanceof ArrayBuffer || data.length > VIEWER_LIMITS.frameChars) {
      socket.close(VIEWER_CLOSE.tooBig, "frames are short JSON texts");
      return;
    }
    const frame = frameOf(data);
    if (frame === null)
      return this.#send(socket, { type: "error", code: "invalid_request", message: "This frame is not known." });
    this.#answer(socket, frame);
  }

  /** Events of messages go to those who follow the session; all others to everybody. */
  publish(events: readonly ViewerEvent[]): void {
    if (events.length === 0) return;
    for (const socket of this.#sockets()) {
      const followed = followedBy(socket);
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
        return follow(
          socket,
          followedBy(socket).filter((id) => id !== frame.sessionId),
        );
      case "ping":
        return this.#send(socket, { type: "pong" });
      default:
        return assertNever(frame, "frame");
    }
  }

  /** The answer and the first live event meet without a gap: nothing is stored between them. */
  #subscribe(socket: WebSocket, { sessionId: id, afterVersion, tail }: Subscribe): void {
    const session = this.#deps.session(id);
    if (session === null)
      return this.#send(socket, { type: "error", code: "not_found", message: "There is no such session." });
    const others = followedBy(socket).filter((each) => each !== id);
    if (others.length >= VIEWER_LIMITS.subscriptions) {
      const message = `One connection follows ${VIEWER_LIMITS.subscriptions} sessions at most; leave another one first.`;
      return this.#send(socket, { type: "error", code: "rate_limited", message });
    }
    follow(socket, [...others, id]);
    for (const event of this.#deps.sync(session, afterVersion, tail ?? null)) this.#send(socket, event);
  }

  #send(socket: WebSocket, event: ViewerEvent): void {
    if (socket.readyState !== OPEN) return;
    const text = JSON.stringify(event);
    if (this.#unheard(socket, text.length) > VIEWER_LIMITS.unheardChars) {
      socket.close(VIEWER_CLOSE.tooSlow, "too much is waiting; connect again");
      return;
    }
    socket.send(text);
  }

  /** Characters since the last sign of life, with these. Pings are answered without waking us, but their time is kept. */
  #unheard(socket: WebSocket, chars: number): number {
    const heardAt = this.#deps.context.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    const known = this.#sent.get(socket);
    const sent = known === undefined || known.heardAt !== heardAt ? { chars: 0, heardAt } : known;
    sent.chars += chars;
    this.#sent.set(socket, sent);
    return sent.chars;
  }

  #sockets(): readonly WebSocket[] {
    return this.#deps.context.getWebSockets();
  }
}

function isForFollowers(event: ViewerEvent): event is Extract<ViewerEvent, { readonly sessionId: SessionId }> {
  return "sessionId" in event;
}

function followedBy(socket: WebSocket): readonly SessionId[] {
  return attachment.parse(socket.deserializeAttachment()).subscriptions;
}

function follow(socket: WebSocket, subscriptions: readonly SessionId[]): void {
  socket.serializeAttachment({ subscriptions });
}

function frameOf(text: string): ViewerFrame | null {
  return viewerFrame.safeParse(parseJson(text)).data ?? null;
}
