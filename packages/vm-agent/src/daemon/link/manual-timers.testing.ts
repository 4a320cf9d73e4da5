/** For tests: timers that fire when the test advances the time. */
import type { Timers } from "@samovar/base";

export class ManualTimers implements Timers {
  #now = 0;
  readonly #due = new Map<symbol, { readonly at: number; readonly callback: () => void }>();

  after(delayMs: number, callback: () => void): () => void {
    const key = Symbol();
    this.#due.set(key, { at: this.#now + delayMs, callback });
    return () => void this.#due.delete(key);
  }

  /** Milliseconds until the next timer; infinite when there is none. */
  soonest(): number {
    return Math.min(...[...this.#due.values()].map((timer) => timer.at)) - this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const [key, timer] of [...this.#due].toSorted(([, a], [, b]) => a.at - b.at)) {
      if (timer.at <= this.#now && this.#due.delete(key)) timer.callback();
    }
  }

  runAll(): void {
    this.advance(3_600_000);
  }
}
