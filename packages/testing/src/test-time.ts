/** Time that a test moves by hand. */
import type { Clock, Millis, Timers } from "@samovar/base";

export interface TestTime extends Clock, Timers {
  /** Moves on, running what falls due in order of its time; `now` is exact in each callback. */
  advance(ms: number): void;
  /** Moves on to the next timer and runs it; false when there is none. */
  fireNext(): boolean;
  /** Milliseconds to the next timer; infinite when there is none. */
  untilNext(): number;
  /** Timers that are set and not due yet. */
  readonly pending: number;
}

export function testTime(startAt: Millis = Date.UTC(2026, 10, 22, 12)): TestTime {
  let now = startAt;
  let made = 0;
  const timers = new Map<number, { readonly at: Millis; readonly callback: () => void }>();
  const nextDue = (until: Millis) =>
    [...timers].filter(([, { at }]) => at <= until).toSorted(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  const fire = ([id, { at, callback }]: NonNullable<ReturnType<typeof nextDue>>) => {
    timers.delete(id);
    now = at;
    callback();
  };
  return {
    now: () => now,
    after(delayMs, callback) {
      const id = made++;
      timers.set(id, { at: now + Math.max(0, delayMs), callback });
      return () => void timers.delete(id);
    },
    advance(ms) {
      const until = now + ms;
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        fire(due);
      }
      now = until;
    },
    fireNext() {
      const next = nextDue(Infinity);
      if (next === undefined) return false;
      fire(next);
      return true;
    },
    untilNext: () => (nextDue(Infinity)?.[1].at ?? Infinity) - now,
    get pending() {
      return timers.size;
    },
  };
}

/** Random numbers and bytes that are the same in each run with the same seed (mulberry32). */
export function seededRandom(seed = 1): { next(): number; bytes(length: number): Uint8Array } {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)) };
}
