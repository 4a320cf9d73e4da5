import { expect, it } from "vitest";
import { getNextPriority } from "./priorities.ts";

it("priorities go from none over low to urgent, and end there", () => {
  expect([0, 4, 3, 2, 1].map((priority) => getNextPriority(priority, "up"))).toEqual([4, 3, 2, 1, null]);
  expect([1, 2, 3, 4, 0].map((priority) => getNextPriority(priority, "down"))).toEqual([2, 3, 4, 0, null]);
});
