/**
 * Runs that start take turns in an isolate. Creating a workflow takes CPU, and on one computer, where the control plane has one
 * thread, fifty at once hold up every other request for seconds. Best effort: a start whose request was cancelled never
 * comes back, so it stops counting after a while.
 */
import type { Clock, Millis, Random, Timers } from "@samovar/base";

const FORGOTTEN_AFTER_MS = 5_000;
/** After that a start goes ahead, however many there are. */
const LONGEST_WAIT_MS = 30_000;
const LOOK_AGAIN_MS = 20;

export interface RunStartPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** Each waits on its own timer: a promise of another request is never kept when that request is cancelled. */
export class RunStarts {
  readonly #ports: RunStartPorts;
  readonly #startedAt = new Map<symbol, Millis>();

  constructor(ports: RunStartPorts) {
    this.#ports = ports;
  }

  /** `atOnce`: how many may be starting. Throws what `start` throws. */
  async run<T>(atOnce: number, start: () => Promise<T>): Promise<T> {
    const turn = await this.#takeTurn(atOnce);
    try {
      return await start();
    } finally {
      this.#startedAt.delete(turn);
    }
  }

  async #takeTurn(atOnce: number): Promise<symbol> {
    const { clock } = this.#ports;
    const until = clock.now() + LONGEST_WAIT_MS;
    while (this.#countStarting() >= atOnce && clock.now() < until) await this.#pause();
    const turn = Symbol("turn");
    this.#startedAt.set(turn, clock.now());
    return turn;
  }

  #countStarting(): number {
    const now = this.#ports.clock.now();
    for (const [turn, startedAt] of this.#startedAt)
      if (now - startedAt >= FORGOTTEN_AFTER_MS) this.#startedAt.delete(turn);
    return this.#startedAt.size;
  }

  /** Of different lengths, so that those who wait do not all look at once. */
  #pause(): Promise<void> {
    const { timers, random } = this.#ports;
    const [byte = 0] = random.bytes(1);
    return new Promise((resolve) => timers.after(LOOK_AGAIN_MS * (0.5 + byte / 255), resolve));
  }
}
