/** Which new files are left out of a commit. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findOversized } from "./leftovers.ts";

const MAX = { bytes: 100, files: 10 };
const file = (path: string, bytes = 1) => ({ path, bytes });
const many = (directory: string, count: number) => Array.from({ length: count }, (_, i) => file(`${directory}/${i}`));

describe("the part left out of a commit", () => {
  test("is empty while everything is within the limits", () => {
    expect(findOversized([...many("src", 9), file("a", 91)], MAX)).toEqual([]);
  });
  test("is the directory with too many files, not its parent", () => {
    expect(
      findOversized([...many("web/node_modules/x", 8), ...many("web/node_modules/y", 8), file("web/a.ts")], MAX),
    ).toEqual(["web/node_modules/x"]);
    expect(findOversized([...many("web/node_modules", 30), file("web/a.ts"), file("b")], MAX)).toEqual([
      "web/node_modules",
    ]);
  });
  test("is a single file that is too big, even at the top level", () => {
    expect(findOversized([file("core", 101), file("a", 99)], MAX)).toEqual(["core"]);
  });
  test("is several directories when one is not enough", () => {
    expect(findOversized([...many("a", 11), ...many("b", 12), file("c")], MAX).toSorted()).toEqual(["a", "b"]);
  });

  const paths = fc.array(fc.constantFrom("a", "b", "src", "node_modules"), { minLength: 1, maxLength: 4 });
  const files = fc.uniqueArray(
    fc.record({ path: paths.map((parts) => `${parts.join("/")}/f`), bytes: fc.nat({ max: 60 }) }),
    { selector: ({ path }) => path, maxLength: 30 },
  );
  test("[R14] is whole files and directories, leaves a rest within the limits, and is empty if nothing must go", () => {
    fc.assert(
      fc.property(files, (given) => {
        const out = findOversized(given, MAX);
        const stays = given.filter(({ path }) => !out.some((part) => path === part || path.startsWith(`${part}/`)));
        const bytes = (some: typeof given) => some.reduce((sum, each) => sum + each.bytes, 0);
        expect(stays.length).toBeLessThanOrEqual(MAX.files);
        expect(bytes(stays)).toBeLessThanOrEqual(MAX.bytes);
        expect(new Set(out).size).toBe(out.length);
        const fitted = given.length <= MAX.files && bytes(given) <= MAX.bytes;
        expect(out.length === 0).toBe(fitted);
      }),
      { numRuns: 500 },
    );
  });
});
