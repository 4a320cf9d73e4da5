import { describe, expect, it } from "vitest";
import { formatAgo, formatDuration, formatSpan } from "./format-time.ts";

describe("durations", () => {
  it.each([
    [-5, "0.0 s"],
    [0, "0.0 s"],
    [449, "0.4 s"],
    [9_999, "9.9 s"],
    [59_999, "59 s"],
    [185_000, "3 min 05 s"],
    [3_600_000, "1 h 00 min"],
    [7_440_000, "2 h 04 min"],
  ])("%d ms is %s", (ms, words) => expect(formatDuration(ms)).toBe(words));
});

describe("lengths that were set", () => {
  it.each([
    [1_800_000, "30 minutes"],
    [3_600_000, "1 hour"],
    [5_400_000, "90 minutes"],
    [172_800_000, "2 days"],
    [1_500, "1.5 seconds"],
  ])("%d ms is %s", (ms, words) => expect(formatSpan(ms)).toBe(words));
});

describe("moments", () => {
  const now = Date.UTC(2026, 10, 22, 12);
  it.each([
    [now + 60_000, "just now"],
    [now - 44_000, "just now"],
    [now - 50_000, "1 min. ago"],
    [now - 30 * 60_000, "30 min. ago"],
    [now - 3 * 3_600_000, "3 hr. ago"],
    [now - 25 * 3_600_000, "yesterday"],
  ])("%d is %s", (at, words) => expect(formatAgo(at, now)).toBe(words));
});
