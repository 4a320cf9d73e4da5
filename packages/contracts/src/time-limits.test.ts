import { describe, expect, it } from "vitest";
import { getEnclosingMs, DEFAULT_TIME_LIMITS, LONGEST_LIMIT_MS, slackMs, TIME_LIMITS } from "./time-limits.ts";
import type { TimeLimit } from "./time-limits.ts";

const table: Readonly<Record<string, TimeLimit>> = TIME_LIMITS;
const at = (name: string): TimeLimit => {
  const limit = table[name];
  if (limit === undefined) throw new Error(`there is no limit ${name}`);
  return limit;
};

describe("[F47] the table of time limits", () => {
  it.each(Object.entries(table).filter(([, { holds }]) => holds.length > 0))(
    "%s is longer than the sum of its inner limits",
    (_name, { ms, holds }) => {
      expect(ms).toBeGreaterThan(holds.map((inner) => at(inner).ms).reduce((sum, each) => sum + each, 0));
    },
  );

  it("has no limit inside itself, at any depth", () => {
    const inside = (name: string): string[] => at(name).holds.flatMap((inner) => [inner, ...inside(inner)]);
    for (const name of Object.keys(table)) expect(inside(name)).not.toContain(name);
  });

  it("keeps the clocks apart: a limit contains only limits that its clock covers", () => {
    for (const { clock, holds } of Object.values(table)) {
      for (const inner of holds) {
        if (clock === "liveness" || clock === "progress") expect(at(inner).clock).toBe(clock);
        else expect(at(inner).clock).not.toBe("liveness");
      }
    }
  });

  it("uses milliseconds that a timer can count to", () => {
    for (const ms of Object.values(DEFAULT_TIME_LIMITS)) expect(ms).toSatisfy(Number.isSafeInteger);
    for (const ms of Object.values(DEFAULT_TIME_LIMITS)) expect(ms).toBeLessThanOrEqual(LONGEST_LIMIT_MS);
    expect(LONGEST_LIMIT_MS).toBeLessThan(2 ** 31);
  });
});

it("an enclosing limit is longer than its inner limits by one second to half a minute", () => {
  expect(getEnclosingMs(100, 200)).toBe(1_300);
  expect(getEnclosingMs(60_000, 40_000)).toBe(110_000);
  expect(slackMs(14_400_000)).toBe(30_000);
});
