/**
 * Questions to the node that want an answer now. Nothing of them is stored: an object that is thrown away, or a
 * connection that is lost, ends them with `unavailable`, and whoever asked asks again.
 */
import type { Timers } from "@samovar/base";
import type { ControlFrame, NodeCall, NodeReply } from "@samovar/contracts";

/** How long a node may think about an answer. */
export const CALL_TIMEOUT_MS = 10_000;
/** Questions at a time; each may bring a frame of the largest size. */
export const MOST_CALLS_AT_ONCE = 16;

export class NodeCalls {
  readonly #timers: Timers;
  readonly #waiting = new Map<string, (reply: NodeReply) => void>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** `send` answers whether the frame went out. Never rejects. */
  async ask(call: NodeCall, send: (frame: ControlFrame) => boolean): Promise<NodeReply> {
    if (this.#waiting.size >= MOST_CALLS_AT_ONCE) return BUSY;
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

  /** An answer that nobody waits for any more is dropped. */
  answered(id: string, reply: NodeReply): void {
    this.#waiting.get(id)?.(reply);
  }

  /** The connection is gone, and with it what was asked on it. */
  lost(): void {
    for (const resolve of this.#waiting.values()) resolve(AWAY);
  }
}

const unavailable = (message: string): NodeReply => ({ kind: "failed", failure: { code: "unavailable", message } });

export const AWAY = unavailable("The machine is not connected now. Try again when it is back.");
const SLOW = unavailable("The machine did not answer in time. Try again.");
const BUSY = unavailable("The machine is being asked too much at once. Try again in a moment.");
