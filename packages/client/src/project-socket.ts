/**
 * One WebSocket to a project: dials with growing pauses until the server ends its user's access, pings, and asks again for what
 * it follows after each new connection, from the version that its user has. It buffers nothing. Runs in the browser and in Node.
 */
import { type Backoff, backoffMs, parseJson, type Random, type SessionId, type Timers } from "@samovar/base";
import { type AccessEnd, findAccessEnd, viewerEvent, type ViewerEvent, type ViewerFrame } from "@samovar/contracts";
import { subscription } from "@samovar/domain/transcript";

/** `ended`: the server ended the access with which the connection was opened, and the user decides what follows. */
export type SocketState = "connecting" | "open" | "waiting" | "ended" | "closed";

/** The part of a WebSocket that is used: the browser's and that of `ws` have it. */
export interface WebSocketLike {
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
  addEventListener(type: "message", listener: (message: { readonly data: unknown }) => void): void;
  send(data: string): void;
  close(): void;
}

export interface ProjectSocketOptions {
  /** Begins a connection; null when there is nothing to connect to now. Does not reject. */
  readonly dial: () => WebSocketLike | null | Promise<WebSocketLike | null>;
  /** How long a connection may take to open. */
  readonly dialTimeoutMs: number;
  /** Between connections. Half of each pause is random, so that many viewers do not return at once. */
  readonly pauses: Backoff;
  /** How many of its newest messages a session opens with; without it, all. */
  readonly tailMessages?: number;
  readonly timers: Timers;
  readonly random: Random;
  /** The version of a session that the user has; 0 for nothing. */
  readonly cursor: (sessionId: SessionId) => number;
  readonly onEvent: (event: ViewerEvent) => void;
  /** `refused` is set when a connection never opened: what it was asked with may not be valid any more. */
  readonly onState: (state: SocketState, detail: { readonly refused: boolean }) => void;
  /**
   * The server ended the access with which the connection was opened. Resolves with whether to dial again, with another access
   * or because this one is valid after all; otherwise the socket is closed for good. Does not reject.
   */
  readonly onAccessEnded: (end: AccessEnd) => Promise<boolean>;
}

export interface ProjectSocket {
  follow(sessionId: SessionId): void;
  unfollow(sessionId: SessionId): void;
  /** Asks again from the user's version; one question is enough until it is answered. */
  resync(sessionId: SessionId): void;
  /** Whether the answer to a question is on its way over the present connection. */
  isAsking(sessionId: SessionId): boolean;
  /** Dials at once if it is waiting: there is reason to think that it would succeed now. */
  wake(): void;
  close(): void;
}

export const PING_MS = 25_000;
export const PONG_MS = 10_000;

export function openProjectSocket(options: ProjectSocketOptions): ProjectSocket {
  const followed = new Set<SessionId>();
  const asked = new Set<SessionId>();
  let socket: WebSocketLike | null = null;
  let state: SocketState = "closed";
  let failures = 0;
  let isHeardSincePing = false;
  let cancelTimer: (() => void) | null = null;

  const enter = (next: SocketState, refused = false) => {
    state = next;
    options.onState(next, { refused });
  };
  const after = (delayMs: number, what: () => void) => {
    cancelTimer?.();
    cancelTimer = options.timers.after(delayMs, what);
  };
  const send = (frame: ViewerFrame) => {
    if (state === "open") socket?.send(JSON.stringify(frame));
  };
  const subscribe = (sessionId: SessionId) => {
    if (state !== "open") return;
    asked.add(sessionId);
    send(subscription({ sessionId, version: options.cursor(sessionId) }, options.tailMessages));
  };

  const dial = () => {
    cancelTimer?.();
    enter("connecting");
    const dialled = options.dial();
    if (dialled instanceof Promise) void dialled.then(attach);
    else attach(dialled);
  };
  const attach = (opening: WebSocketLike | null) => {
    if (state === "closed") return opening?.close();
    if (opening === null) return wait(true);
    socket = opening;
    after(options.dialTimeoutMs, () => lose(opening));
    opening.addEventListener("open", () => opened(opening));
    opening.addEventListener("message", ({ data }) => receive(opening, data));
    opening.addEventListener("close", ({ code }) => {
      const end = findAccessEnd(code);
      if (end === null) lose(opening);
      else void endAccess(opening, end);
    });
  };
  const opened = (current: WebSocketLike) => {
    if (current !== socket) return;
    enter("open");
    if (current !== socket) return;
    for (const sessionId of followed) subscribe(sessionId);
    after(PING_MS, () => ping(current));
  };
  /** In a steady beat, whatever else is sent: the server cuts off a viewer from which it receives nothing. */
  const ping = (current: WebSocketLike) => {
    isHeardSincePing = false;
    send({ type: "ping" });
    after(PONG_MS, () => {
      if (!isHeardSincePing) return lose(current);
      after(PING_MS - PONG_MS, () => ping(current));
    });
  };
  const receive = (current: WebSocketLike, data: unknown) => {
    if (current !== socket) return;
    failures = 0;
    isHeardSincePing = true;
    const event = parseEvent(data);
    if (event === null) return;
    if (event.type === "sync" && !event.more) asked.delete(event.sessionId);
    options.onEvent(event);
  };
  /** Any end of a connection: closed by the other side, silent, or never opened. What comes from it later is ignored. */
  const lose = (current: WebSocketLike) => {
    if (current !== socket) return;
    const refused = state === "connecting";
    socket = null;
    current.close();
    wait(refused);
  };
  const endAccess = async (current: WebSocketLike, end: AccessEnd) => {
    if (current !== socket) return;
    socket = null;
    cancelTimer?.();
    asked.clear();
    enter("ended");
    const again = await options.onAccessEnded(end);
    if (state !== "ended") return;
    if (again) wait(false);
    else enter("closed");
  };
  const wait = (refused: boolean) => {
    asked.clear();
    failures += 1;
    after(backoffMs(failures, options.pauses, options.random.next()), dial);
    enter("waiting", refused);
  };

  dial();
  return {
    follow(sessionId) {
      followed.add(sessionId);
      subscribe(sessionId);
    },
    unfollow(sessionId) {
      if (!followed.delete(sessionId)) return;
      asked.delete(sessionId);
      send({ type: "unsubscribe", sessionId });
    },
    resync(sessionId) {
      if (followed.has(sessionId) && !asked.has(sessionId)) subscribe(sessionId);
    },
    isAsking: (sessionId) => asked.has(sessionId),
    wake() {
      if (state === "waiting") dial();
    },
    close() {
      cancelTimer?.();
      const current = socket;
      socket = null;
      followed.clear();
      asked.clear();
      enter("closed");
      current?.close();
    },
  };
}

/** Null for what this version does not know: a newer server may send more than it understands. */
function parseEvent(data: unknown): ViewerEvent | null {
  return typeof data === "string" ? (viewerEvent.safeParse(parseJson(data)).data ?? null) : null;
}
