/**
 * A fair semaphore for process starts: first come, first served. A holder whose process is stopped, or whose start takes
 * very long, no longer counts, so that no waiting process is blocked for ever.
 */
import type { Clock, Timers } from "@samovar/base";

export interface StartPermitsOptions {
  /** Starts at the same time; at least 1. */
  readonly count: number;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Whether a process is stopped now, by SIGSTOP or a debugger. */
  readonly isStopped: (pid: number) => boolean;
}

/** A start that takes longer waits for something else than the CPU, such as a download. */
export const HELD_AT_MOST_MS = 60_000;
/** How often holders are checked while others wait for them. */
export const CHECK_EVERY_MS = 1_000;

interface Start {
  readonly pid: number;
  readonly onGranted: () => void;
}

export class StartPermits {
  readonly #options: StartPermitsOptions;
  readonly #waiting = new Set<Start>();
  /** Each with the time of its permit. */
  readonly #held = new Map<Start, number>();
  #cancelCheck: (() => void) | null = null;

  constructor(options: StartPermitsOptions) {
    this.#options = options;
  }

  /** `pid`: the process that starts another one. The answer gives the permit back, or the place in the queue. */
  request(pid: number, onGranted: () => void): () => void {
    const start = { pid, onGranted };
    this.#waiting.add(start);
    this.#grant();
    return () => {
      this.#waiting.delete(start);
      this.#held.delete(start);
      this.#grant();
    };
  }

  #grant(): void {
    let free = this.#waiting.size === 0 ? 0 : this.#free();
    for (const start of this.#waiting) {
      if (free-- <= 0) break;
      this.#waiting.delete(start);
      this.#held.set(start, this.#options.clock.now());
      start.onGranted();
    }
    this.#checkLater();
  }

  #free(): number {
    const { count, clock, isStopped } = this.#options;
    if (this.#held.size < count) return count - this.#held.size;
    const now = clock.now();
    const counted = [...this.#held].filter(([{ pid }, since]) => now - since < HELD_AT_MOST_MS && !isStopped(pid));
    return count - counted.length;
  }

  /** No event reports when a holder no longer counts. */
  #checkLater(): void {
    if (this.#waiting.size === 0) {
      this.#cancelCheck?.();
      this.#cancelCheck = null;
      return;
    }
    this.#cancelCheck ??= this.#options.timers.after(CHECK_EVERY_MS, () => {
      this.#cancelCheck = null;
      this.#grant();
    });
  }
}
