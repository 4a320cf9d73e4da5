import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

const backoff = { initialMs: 200, maxMs: 5_000 };

test("doubles from the first pause to the longest", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((failures) => backoffMs(failures, backoff))).toEqual([
    200, 400, 800, 1_600, 3_200, 5_000, 5_000,
  ]);
});

test("stays at the longest however many failures there were", () => {
  expect(backoffMs(10_000, backoff)).toBe(5_000);
});

test("spreads pauses over their upper half, in whole milliseconds", () => {
  expect([0, 0.5, 0.999].map((jitter) => backoffMs(1, backoff, jitter))).toEqual([100, 150, 200]);
  expect(backoffMs(1, { initialMs: 25, maxMs: 25 }, 0.3)).toBe(16);
});
