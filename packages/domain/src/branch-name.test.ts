/** Tests of the choice of a free branch name. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findFreeBranch } from "./branch-name.ts";

test("[R14] a free name is taken as it is", () => {
  expect(findFreeBranch("task/a", new Set(["main"]))).toBe("task/a");
});

test("[F42] a taken name gets the first free suffix", () => {
  expect(findFreeBranch("task/a", new Set(["task/a"]))).toBe("task/a-2");
  expect(findFreeBranch("task/a", new Set(["task/a", "task/a-2"]))).toBe("task/a-3");
});

test("[F42] a branch named like the folder makes the name flat", () => {
  expect(findFreeBranch("task/a", new Set(["task"]))).toBe("task-a");
  expect(findFreeBranch("task/a", new Set(["task", "task-a"]))).toBe("task-a-2");
});

test("[F42] a name that is a folder of others is passed over", () => {
  expect(findFreeBranch("task/a", new Set(["task/a/b"]))).toBe("task/a-2");
});

test("[F42] returns null when no name is free, instead of looping", () => {
  const taken = new Set(["x", ...Array.from({ length: 1000 }, (_, n) => `x-${n}`)]);
  expect(findFreeBranch("x", taken)).toBeNull();
});

test("[F42] whatever is taken, the answer can stand beside it", () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "c", "a-2"), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join("/"));
  fc.assert(
    fc.property(name, fc.array(name, { maxLength: 12 }), (wanted, others) => {
      const taken = new Set(others);
      const answer = findFreeBranch(wanted, taken);
      if (answer === null) return false;
      return others.every(
        (other) => other !== answer && !other.startsWith(`${answer}/`) && !answer.startsWith(`${other}/`),
      );
    }),
  );
});
