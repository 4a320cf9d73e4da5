/** A difference must lead from the one text to the other, whatever they are. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineDiff, type DiffLine } from "./line-diff.ts";

const side = (lines: readonly DiffLine[], skip: "added" | "removed") =>
  lines.flatMap((line) => (line.kind === "gap" || line.kind === skip ? [] : [line.text]));

describe("lineDiff", () => {
  it("holds both texts when nothing is left out", () => {
    // Seven lines at most between changes are never left out when the texts are this short.
    const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 3 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before.join() !== after.join());
        const { lines } = lineDiff(before.join("\n"), after.join("\n"));
        expect(side(lines, "added").join("\n")).toBe(before.join("\n"));
        expect(side(lines, "removed").join("\n")).toBe(after.join("\n"));
      }),
    );
  });

  it("never calls more changed than both texts have, and counts balance", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 40 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const old = before.map((line) => `${line}\n`).join("");
        const next = after.map((line) => `${line}\n`).join("");
        const { added, removed, lines } = lineDiff(old, next);
        expect(before.length - removed).toBe(after.length - added);
        const gaps = lines.reduce((sum, line) => sum + (line.kind === "gap" ? line.lines : 0), 0);
        expect(side(lines, "added").length + gaps).toBe(before.length);
        expect(side(lines, "removed").length + gaps).toBe(after.length);
      }),
    );
  });

  it("finds the shortest way", () => {
    const { added, removed } = lineDiff("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n");
    expect(added + removed).toBe(5);
  });

  it("numbers lines and leaves out what is far from a change", () => {
    const before = Array.from({ length: 30 }, (_, n) => `line ${n + 1}`);
    const after = before.with(14, "changed");
    const { lines } = lineDiff(before.join("\n"), after.join("\n"));
    expect(lines[0]).toEqual({ kind: "gap", lines: 11 });
    expect(lines).toContainEqual({ kind: "removed", text: "line 15", before: 15 });
    expect(lines).toContainEqual({ kind: "added", text: "changed", after: 15 });
    expect(lines.at(-1)).toEqual({ kind: "gap", lines: 12 });
  });

  it("calls all of a new file added", () => {
    expect(lineDiff(null, "a\nb\n")).toMatchObject({ added: 2, removed: 0 });
  });

  it("gives up on texts that have nothing in common instead of freezing", () => {
    const before = Array.from({ length: 5000 }, (_, n) => `old ${n}`).join("\n");
    const after = Array.from({ length: 5000 }, (_, n) => `new ${n}`).join("\n");
    expect(lineDiff(before, after)).toMatchObject({ added: 5000, removed: 5000 });
  });
});
