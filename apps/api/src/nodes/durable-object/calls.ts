/**
 * Requests to the node that need an immediate answer. They are not stored: eviction of the object or loss of the
 * connection ends them with `unavailable`, and the caller may retry.
 */
import type { Timers } from "@samovar/base";
import type { ControlFrame, NodeCall, NodeReply } from "@samovar/contracts";

/** How long a node may take to answer. */
export const CALL_TIMEOUT_MS = 10_000;
/** Concurrent requests; each answer may be a frame of the maximum size. */
export const MAX_CONCURRENT_CALLS = 16;

export class NodeCalls {
  readonly #timers: Timers;
  readonly #waiting = new Map<string, (reply: NodeReply) => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** `send` returns whether the frame was sent. Never rejects. */
  async ask(call: NodeCall, send: (frame: ControlFrame) => boolean): Promise<NodeReply> {
    if (this.#waiting.size >= MAX_CONCURRENT_CALLS) return BUSY;
    const id = crypto.randomUUID();
    const { promise, resolve } = Promise.withResolvers<NodeReply>();
    const cancelTimer = this.#timers.after(CALL_TIMEOUT_MS, () => resolve(SLOW));
    this.#waiting.set(id, resolve);
    try {
      return send({ type: "call", id, call }) ? await promise : AWAY;
    } finally {
      cancelTimer();
      this.#waiting.delete(id);
    }
  }

  /** Drops an answer whose request has timed out. */
  resolve(id: string, reply: NodeReply): void {
    this.#waiting.get(id)?.(reply);
  }

  /** Ends all requests of a connection that is gone. */
  abort(): void {
    for (const resolve of this.#waiting.values()) resolve(AWAY);
  }
}

const unavailable = (message: string): NodeReply => ({ kind: "failed", failure: { code: "unavailable", message } });

export const AWAY = unavailable("The node is not connected. Try again when it is back.");
const SLOW = unavailable("The node did not answer in time. Try again.");
const BUSY = unavailable("The node has too many concurrent requests. Try again in a moment.");
