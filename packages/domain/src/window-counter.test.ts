import { describe, expect, it } from "vitest";
import { WindowCounter } from "./window-counter.ts";

const MINUTE = 60_000;

function countMany(counter: WindowCounter, key: string, events: number, at = 0) {
  return Array.from({ length: events }, () => counter.count(key, 3, at));
}

describe("[security 15] a counter of events in a window", () => {
  it("refuses what is over the limit, says when the window ends, and marks the first refusal", () => {
    const counter = new WindowCounter(MINUTE, 10);
    expect(countMany(counter, "a", 3, 1_000).every(({ isWithin }) => isWithin)).toBe(true);
    expect(counter.count("a", 3, 2_000)).toEqual({ isWithin: false, retryAfterMs: 59_000, isFirst: true });
    expect(counter.count("a", 3, 60_999)).toEqual({ isWithin: false, retryAfterMs: 1, isFirst: false });
    expect(counter.count("a", 3, 61_000)).toEqual({ isWithin: true });
  });

  it("counts each key for itself", () => {
    const counter = new WindowCounter(MINUTE, 10);
    countMany(counter, "a", 100);
    expect(counter.count("b", 3, 0)).toEqual({ isWithin: true });
  });

  it("forgets the oldest key when there are too many, and none that is newer", () => {
    const counter = new WindowCounter(MINUTE, 2);
    countMany(counter, "a", 3);
    countMany(counter, "b", 3, 1);
    countMany(counter, "c", 1, 2);
    expect(counter.count("b", 3, 3).isWithin).toBe(false);
    expect(counter.count("a", 3, 3).isWithin).toBe(true);
  });

  it("begins again when the clock was set back", () => {
    const counter = new WindowCounter(MINUTE, 2);
    countMany(counter, "a", 9, 10 * MINUTE);
    expect(counter.count("a", 3, 0).isWithin).toBe(true);
  });
});
