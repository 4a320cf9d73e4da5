import type { NodeId } from "@samovar/base";
import type { NodeStateName } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import type { NodeChange } from "./pool-history.ts";
import { getPoolBuckets } from "./pool-history.ts";

const change = (node: string, at: number, state: NodeStateName, tasks = 0): NodeChange => ({
  nodeId: `nod_${node}` as NodeId,
  at,
  state,
  tasks,
});
const shown = (changes: readonly NodeChange[], until = 40) =>
  getPoolBuckets(changes, { from: 0, until, bucketMs: 10 }).map(
    ({ working, warm, booting }) => `${working}/${warm}/${booting}`,
  );

describe("the pool over time", () => {
  it("counts a node in each stretch as the most that it did there", () => {
    const life = [
      change("a", 1, "provisioning", 1),
      change("a", 12, "active", 1),
      change("a", 14, "active", 0),
      change("a", 15, "warm"),
      change("a", 31, "destroying"),
      change("a", 33, "destroyed"),
    ];
    expect(shown(life)).toEqual(["0/0/1", "1/0/0", "0/1/0", "0/1/0"]);
  });

  it("adds up nodes, and begins with what was so before the first stretch", () => {
    expect(shown([change("a", -500, "active", 2), change("b", 25, "provisioning", 1)])).toEqual([
      "1/0/0",
      "1/0/0",
      "1/0/1",
      "1/0/1",
    ]);
  });

  it("counts a change at a boundary in the later bucket, and ignores the future", () => {
    expect(shown([change("a", 0, "active", 1), change("a", 20, "destroyed"), change("b", 60, "warm")], 35)).toEqual([
      "1/0/0",
      "1/0/0",
      "0/0/0",
      "0/0/0",
    ]);
  });

  it("a draining node works while tasks hold it, and is nothing after", () => {
    expect(shown([change("a", 0, "draining", 1), change("a", 20, "draining", 0)])).toEqual([
      "1/0/0",
      "1/0/0",
      "0/0/0",
      "0/0/0",
    ]);
  });

  it("nothing happened: stretches of nothing", () => {
    expect(shown([], 20)).toEqual(["0/0/0", "0/0/0"]);
  });
});
