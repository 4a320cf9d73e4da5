/**
 * The WebSocket of a project's viewers: dials for ever with growing pauses, and notices a connection that has
 * gone silent. Whoever uses it says again after each `onOpen` what it wants to hear.
 */
import type { ProjectId, Random, Timers } from "@samovar/base";
import type { ViewerEvent, ViewerFrame } from "@samovar/contracts";
import { viewerEvent } from "@samovar/contracts";
import { WebSocket } from "ws";
import type { Endpoint } from "./http.ts";

export interface ProjectSocketOptions {
  readonly projectId: ProjectId;
  /** Asked before each dial: a Samovar that was started again may be elsewhere. Null: none is running now. */
  readonly endpoint: () => Promise<Endpoint | null>;
  readonly onOpen: () => void;
  /** Once for each connection that is lost, and for the first that does not come about. */
  readonly onDown: () => void;
  readonly onEvent: (event: ViewerEvent) => void;
  readonly timers: Timers;
  readonly random: Random;
}

export interface ProjectSocket {
  /** False while there is no connection: then nothing was sent. */
  send(frame: ViewerFrame): boolean;
  close(): void;
}

const PING_MS = 25_000;
const PONG_MS = 10_000;
const DIAL_MS = 10_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

export function openProjectSocket(options: ProjectSocketOptions): ProjectSocket {
  const { timers, random } = options;
  let socket: WebSocket | null = null;
  let closed = false;
  let told = false;
  let failures = 0;
  let heardSincePing = false;
  let cancelTimer: (() => void) | null = null;
  const after = (delayMs: number, what: () => void) => {
    cancelTimer?.();
    cancelTimer = timers.after(delayMs, what);
  };
  const send = (frame: ViewerFrame) => {
    if (socket?.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(frame));
    return true;
  };
  /** In a steady beat, whatever else is said: the server cuts off a viewer of which it hears nothing. */
  const ping = (current: WebSocket) => {
    heardSincePing = false;
    send({ type: "ping" });
    after(PONG_MS, () => {
      if (!heardSincePing) return current.terminate();
      after(PING_MS - PONG_MS, () => ping(current));
    });
  };

  const dial = async () => {
    const endpoint = await options.endpoint();
    if (closed) return;
    if (endpoint === null) return lost();
    const url = new URL(`/api/projects/${options.projectId}/ws`, endpoint.url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const current = new WebSocket(url, {
      headers: { authorization: `Bearer ${endpoint.token}` },
      handshakeTimeout: DIAL_MS,
      maxPayload: MAX_FRAME_BYTES,
    });
    socket = current;
    current.on("open", () => {
      told = false;
      after(PING_MS, () => ping(current));
      options.onOpen();
    });
    current.on("message", (data, isBinary) => {
      if (current !== socket) return;
      failures = 0;
      heardSincePing = true;
      const event = isBinary ? null : parseEvent(String(data));
      if (event !== null) options.onEvent(event);
    });
    // `close` follows and does the rest.
    current.on("error", () => {});
    current.on("close", () => {
      if (current === socket) lost();
    });
  };
  const lost = () => {
    socket = null;
    if (closed) return;
    if (!told) options.onDown();
    told = true;
    const full = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS);
    failures += 1;
    after(full / 2 + (full / 2) * random.next(), () => void dial());
  };

  void dial();
  return {
    send,
    close() {
      closed = true;
      cancelTimer?.();
      socket?.terminate();
      socket = null;
    },
  };
}

/** Null for what this CLI does not know: a newer server may say more. */
function parseEvent(text: string): ViewerEvent | null {
  try {
    const parsed = viewerEvent.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
