/**
 * One WebSocket to a project: dials for ever with growing pauses, pings, and says again what it follows after
 * each new connection, from the version that the page has. It buffers nothing: what it sends costs nothing.
 */
import type { Random, SessionId, Timers } from "@samovar/base";
import { viewerEvent, type ViewerEvent, type ViewerFrame } from "@samovar/contracts";
import { subscription } from "@samovar/domain/transcript";

export type SocketState = "connecting" | "open" | "waiting" | "closed";

/** The part of a WebSocket that is used. */
export type SocketLike = Pick<WebSocket, "addEventListener" | "send" | "close">;

export interface ProjectSocketDeps {
  readonly dial: () => SocketLike;
  readonly timers: Timers;
  readonly random: Random;
  /** The version that the page has of a session; 0 for nothing. */
  readonly cursor: (sessionId: SessionId) => number;
  readonly onEvent: (event: ViewerEvent) => void;
  /** `refused` is set when a connection never opened: the cookie may be gone. */
  readonly onState: (state: SocketState, detail: { readonly refused: boolean }) => void;
}

export interface ProjectSocket {
  follow(sessionId: SessionId): void;
  unfollow(sessionId: SessionId): void;
  /** Asks again from the page's version; one question is enough until it is answered. */
  resync(sessionId: SessionId): void;
  /** Dials at once if it is waiting: the browser is online again, or the page is visible again. */
  nudge(): void;
  close(): void;
}

/** How many of the newest messages a session opens with: a few windows full. The older ones are read as one scrolls up. */
export const TAIL_MESSAGES = 100;

export const SOCKET_TIMES = {
  pingMs: 25_000,
  pongMs: 10_000,
  firstPauseMs: 300,
  longestPauseMs: 15_000,
  dialMs: 20_000,
} as const;

export function openProjectSocket(deps: ProjectSocketDeps): ProjectSocket {
  const followed = new Set<SessionId>();
  const asked = new Set<SessionId>();
  let socket: SocketLike | null = null;
  let state: SocketState = "closed";
  let failures = 0;
  let heardSincePing = false;
  let cancelTimer: (() => void) | null = null;

  const enter = (next: SocketState, refused = false) => {
    state = next;
    deps.onState(next, { refused });
  };
  const after = (delayMs: number, what: () => void) => {
    cancelTimer?.();
    cancelTimer = deps.timers.after(delayMs, what);
  };
  const say = (frame: ViewerFrame) => {
    if (state === "open") socket?.send(JSON.stringify(frame));
  };
  const subscribe = (sessionId: SessionId) => {
    asked.add(sessionId);
    say(subscription({ sessionId, version: deps.cursor(sessionId) }, TAIL_MESSAGES));
  };

  const dial = () => {
    const opening = deps.dial();
    socket = opening;
    enter("connecting");
    after(SOCKET_TIMES.dialMs, () => lose(opening));
    opening.addEventListener("open", () => opened(opening));
    opening.addEventListener("message", (message) => heard(opening, message.data));
    opening.addEventListener("close", () => lose(opening));
  };
  const opened = (current: SocketLike) => {
    if (current !== socket) return;
    enter("open");
    asked.clear();
    for (const sessionId of followed) subscribe(sessionId);
    after(SOCKET_TIMES.pingMs, () => ping(current));
  };
  /** In a steady beat, whatever else is said: the server cuts off a viewer of which it hears nothing. */
  const ping = (current: SocketLike) => {
    heardSincePing = false;
    say({ type: "ping" });
    after(SOCKET_TIMES.pongMs, () => {
      if (!heardSincePing) return lose(current);
      after(SOCKET_TIMES.pingMs - SOCKET_TIMES.pongMs, () => ping(current));
    });
  };
  const heard = (current: SocketLike, data: unknown) => {
    if (current !== socket) return;
    failures = 0;
    heardSincePing = true;
    const event = parseEvent(data);
    if (event === null) return;
    if (event.type === "sync" && !event.more) asked.delete(event.sessionId);
    deps.onEvent(event);
  };
  /** Any end of a connection: closed by the other side, silent, or never opened. What it says later is not heard. */
  const lose = (current: SocketLike) => {
    if (current !== socket) return;
    const refused = state === "connecting";
    socket = null;
    current.close();
    enter("waiting", refused);
    after(pauseMs(failures, deps.random), dial);
    failures += 1;
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
      say({ type: "unsubscribe", sessionId });
    },
    resync(sessionId) {
      if (followed.has(sessionId) && !asked.has(sessionId)) subscribe(sessionId);
    },
    nudge() {
      if (state === "waiting") dial();
    },
    close() {
      cancelTimer?.();
      const current = socket;
      socket = null;
      followed.clear();
      current?.close();
      enter("closed");
    },
  };
}

/** Doubles from the first pause to the longest; half of it is random, so that many pages do not return at once. */
export function pauseMs(failures: number, random: Random): number {
  const full = Math.min(SOCKET_TIMES.firstPauseMs * 2 ** Math.min(failures, 16), SOCKET_TIMES.longestPauseMs);
  return Math.round(full / 2 + (full / 2) * random.next());
}

/** Null for what this page does not know: a newer server may say more than we understand. */
function parseEvent(data: unknown): ViewerEvent | null {
  if (typeof data !== "string") return null;
  try {
    const parsed = viewerEvent.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
