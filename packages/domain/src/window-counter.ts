/** Counts events per key in fixed windows, for rate limits. A key's window begins with its first event. Pure but for its own counts. */
import type { Millis } from "@samovar/base";

export type Count =
  | { readonly isWithin: true }
  /** `isFirst`: the first event over the limit in this window. */
  | { readonly isWithin: false; readonly retryAfterMs: number; readonly isFirst: boolean };

interface Window {
  readonly startedAt: Millis;
  count: number;
}

export class WindowCounter {
  readonly #windowMs: number;
  readonly #maxKeys: number;
  /** In the order in which the windows began. */
  readonly #windows = new Map<string, Window>();

  /** With more than `maxKeys` keys at once, the oldest ones are forgotten. */
  constructor(windowMs: number, maxKeys: number) {
    this.#windowMs = windowMs;
    this.#maxKeys = maxKeys;
  }

  /** Counts one event. */
  count(key: string, limit: number, now: Millis): Count {
    const window = this.#open(key, now);
    window.count += 1;
    if (window.count <= limit) return { isWithin: true };
    const retryAfterMs = Math.max(1, window.startedAt + this.#windowMs - now);
    return { isWithin: false, retryAfterMs, isFirst: window.count === limit + 1 };
  }

  #open(key: string, now: Millis): Window {
    const known = this.#windows.get(key);
    if (known !== undefined && !this.#isOver(known, now)) return known;
    this.#windows.delete(key);
    for (const [oldest, window] of this.#windows) {
      if (this.#windows.size < this.#maxKeys && !this.#isOver(window, now)) break;
      this.#windows.delete(oldest);
    }
    const fresh = { startedAt: now, count: 0 };
    this.#windows.set(key, fresh);
    return fresh;
  }

  /** Also after the clock was set back, which would make a window last longer. */
  #isOver({ startedAt }: Window, now: Millis): boolean {
    return now >= startedAt + this.#windowMs || now < startedAt;
  }
}
