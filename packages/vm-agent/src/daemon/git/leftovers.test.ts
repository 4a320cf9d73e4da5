/** How much of what is new becomes a commit: by numbers first, then with real checkouts. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tooMuchOf } from "./leftovers.ts";

const MAX = { bytes: 100, files: 10 };
const file = (path: string, bytes = 1) => ({ path, bytes });
const many = (directory: string, count: number) => Array.from({ length: count }, (_, i) => file(`${directory}/${i}`));

describe("what is too much for a commit", () => {
  test("is nothing while all of it fits", () => {
    expect(tooMuchOf([...many("src", 9), file("a", 91)], MAX)).toEqual([]);
  });
  test("is the directory that holds too many files, and not what holds it", () => {
    expect(
      tooMuchOf([...many("web/node_modules/x", 8), ...many("web/node_modules/y", 8), file("web/a.ts")], MAX),
    ).toEqual(["web/node_modules/x"]);
    expect(tooMuchOf([...many("web/node_modules", 30), file("web/a.ts"), file("b")], MAX)).toEqual([
      "web/node_modules",
    ]);
  });
  test("is a file that is too big alone, even at the top", () => {
    expect(tooMuchOf([file("core", 101), file("a", 99)], MAX)).toEqual(["core"]);
  });
  test("is more than one part when one is not enough", () => {
    expect(tooMuchOf([...many("a", 11), ...many("b", 12), file("c")], MAX).toSorted()).toEqual(["a", "b"]);
  });

  const paths = fc.array(fc.constantFrom("a", "b", "src", "node_modules"), { minLength: 1, maxLength: 4 });
  const files = fc.uniqueArray(
    fc.record({ path: paths.map((parts) => `${parts.join("/")}/f`), bytes: fc.nat({ max: 60 }) }),
    { selector: ({ path }) => path, maxLength: 30 },
  );
  test("[R14] what stays always fits, what goes is made of whole parts, and nothing goes without need", () => {
    fc.assert(
      fc.property(files, (given) => {
        const out = tooMuchOf(given, MAX);
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
