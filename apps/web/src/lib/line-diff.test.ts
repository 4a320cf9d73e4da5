/** A difference must lead from the one text to the other, whatever they are. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineDiff, type LineDiff } from "./line-diff.ts";

const side = ({ parts }: LineDiff, skip: "added" | "removed") =>
  parts.flatMap(({ lines }) => lines.filter((line) => line.kind !== skip).map(({ text }) => text));

describe("lineDiff", () => {
  it("holds both texts, and never calls more changed than they have", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "d", ""), { maxLength: 40 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = lineDiff(before.map((line) => `${line}\n`).join(""), after.map((line) => `${line}\n`).join(""));
        expect(side(diff, "added")).toEqual(before);
        expect(side(diff, "removed")).toEqual(after);
        expect(before.length - diff.removed).toBe(after.length - diff.added);
        const folded = diff.parts.filter(({ kind }) => kind === "gap").flatMap(({ lines }) => lines);
        expect(folded.every(({ kind }) => kind === "same")).toBe(true);
      }),
    );
  });

  it("finds the shortest way", () => {
    const { added, removed } = lineDiff("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n");
    expect(added + removed).toBe(5);
  });

  it("numbers lines and folds what is far from a change", () => {
    const before = Array.from({ length: 30 }, (_, n) => `line ${n + 1}`);
    const after = before.with(14, "changed");
    const { parts } = lineDiff(before.join("\n"), after.join("\n"));
    expect(parts.map(({ kind, lines }) => [kind, lines.length])).toEqual([
      ["gap", 11],
      ["shown", 8],
      ["gap", 12],
    ]);
    expect(parts[1]?.lines).toContainEqual({ kind: "removed", text: "line 15", before: 15 });
    expect(parts[1]?.lines).toContainEqual({ kind: "added", text: "changed", after: 15 });
  });

  it("does not fold a single line", () => {
    const before = Array.from({ length: 9 }, (_, n) => `line ${n + 1}`);
    const after = before.with(0, "first").with(8, "last");
    expect(lineDiff(before.join("\n"), after.join("\n")).parts.map(({ kind }) => kind)).toEqual(["shown"]);
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
