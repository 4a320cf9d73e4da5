import { describe, expect, it } from "vitest";
import { getMaxNodes, toPoolBars, toPoolHours } from "./pool-bars.ts";

const HOUR = 3_600_000;
const bucket = (at: number, working: number, warm: number, booting: number) => ({ at, working, warm, booting });

describe("the picture of the pool", () => {
  it("[R33] stacks working, warm and booting from the ground up, and draws nothing where nothing was", () => {
    const buckets = [bucket(0, 2, 1, 1), bucket(1, 0, 0, 0), bucket(2, 0, 1, 0)];
    expect(toPoolBars(buckets)).toEqual([
      { kind: "working", index: 0, bottom: 0, height: 2 },
      { kind: "warm", index: 0, bottom: 2, height: 1 },
      { kind: "booting", index: 0, bottom: 3, height: 1 },
      { kind: "warm", index: 2, bottom: 0, height: 1 },
    ]);
    expect(getMaxNodes(buckets)).toBe(4);
    expect(getMaxNodes([])).toBe(0);
  });

  it("is summed up by the hour: the most of each, and no empty hours", () => {
    const quarter = HOUR / 4;
    const buckets = [
      bucket(0, 1, 0, 0),
      bucket(quarter, 0, 2, 0),
      bucket(HOUR, 0, 0, 0),
      bucket(2 * HOUR + quarter, 0, 0, 1),
    ];
    expect(toPoolHours(buckets)).toEqual([bucket(0, 1, 2, 0), bucket(2 * HOUR, 0, 0, 1)]);
  });
});
