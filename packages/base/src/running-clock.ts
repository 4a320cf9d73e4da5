/**
 * A clock that stands still while this process does not run: stopped, suspended with its machine, or starved of CPU.
 * Limits on another process's silence are measured on it, so that a slow process is not mistaken for a dead one.
 */
import type { Clock, Millis, Timers } from "./clock.ts";

/** How much of the time since the last reading counts. Given a second process, it leaves out what that one could not use. */
export type CountedTime = (elapsedMs: number) => number;

/** While something is waited for, the time is read at least this often. */
const STEP_MS = 500;
/** A reading that comes later than this after the one before it was late: the rest of the gap is not counted. */
const MOST_COUNTED_MS = 2 * STEP_MS;

export class RunningClock implements Clock, Timers {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #counted: CountedTime;
  #readAt: Millis;
  #now = 0;

  constructor(clock: Clock, timers: Timers, counted: CountedTime = (elapsedMs) => elapsedMs) {
    this.#clock = clock;
    this.#timers = timers;
    this.#counted = counted;
    this.#readAt = clock.now();
  }

  /** Milliseconds counted since the clock was made; exact only while {@link after} waits for something. */
  now(): Millis {
    const at = this.#clock.now();
    const elapsedMs = Math.min(Math.max(0, at - this.#readAt), MOST_COUNTED_MS);
    this.#readAt = at;
    this.#now += Math.min(elapsedMs, Math.max(0, this.#counted(elapsedMs)));
    return this.#now;
  }

  /** Runs `callback` once `delayMs` have been counted. */
  after(delayMs: number, callback: () => void): () => void {
    const due = this.now() + delayMs;
    let cancel = () => {};
    const wait = (leftMs: number) => {
      cancel = this.#timers.after(Math.max(0, Math.min(leftMs, STEP_MS)), () => {
        const stillMs = due - this.now();
        // No timer waits for a fraction of a millisecond: what sums of fractions leave over is due.
        if (stillMs >= 1) wait(stillMs);
        else callback();
      });
    };
    wait(delayMs);
    return () => cancel();
  }
}

export interface TimeLimitSignal {
  /** Aborted when the limit has passed. */
  readonly signal: AbortSignal;
  /** Ends the watch; the signal stays as it is. */
  cancel(): void;
}

/** As `AbortSignal.timeout`, on `clock`. */
export function limitSignal(clock: RunningClock, limitMs: number): TimeLimitSignal {
  const controller = new AbortController();
  const late = () => controller.abort(new DOMException(`took longer than ${limitMs} ms`, "TimeoutError"));
  return { signal: controller.signal, cancel: clock.after(limitMs, late) };
}
