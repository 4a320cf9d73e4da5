import * as fc from "fast-check";
import { expect, it } from "vitest";
import { lineDiff } from "@samovar/domain/line-diff";
import { splitLines } from "./split-lines.ts";

it("[R27] side by side, each side is one of the texts, in order", () => {
  const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = lineDiff(before.join("\n"), after.join("\n")).parts.flatMap((part) => part.lines);
      const pairs = splitLines(lines);
      expect(pairs.flatMap(({ left }) => (left === null ? [] : [left.text]))).toEqual(
        lines.filter(({ kind }) => kind !== "added").map((line) => line.text),
      );
      expect(pairs.flatMap(({ right }) => (right === null ? [] : [right.text]))).toEqual(
        lines.filter(({ kind }) => kind !== "removed").map((line) => line.text),
      );
    }),
  );
});
