import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boundedOutput } from "./bounded-output.ts";
import { chunksOf, fillerText } from "./filler.ts";

const text = fc.string({ unit: fc.constantFrom("a", "\n", "é", "🫖") });

describe("bounded output", () => {
  it("keeps all of a text that fits", () => {
    const kept = boundedOutput(8, 8);
    for (const piece of ["abc", "defgh", "ijklmnop"]) kept.append(piece);
    expect(kept.text()).toBe("abcdefghijklmnop");
  });

  it("keeps the first and last part and says how much is missing, without ever splitting a character", () => {
    fc.assert(
      fc.property(
        fc.array(text),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 9 }),
        (pieces, head, tail) => {
          const kept = boundedOutput(head, tail);
          for (const piece of pieces) kept.append(piece);
          const whole = pieces.join("");
          const [before = "", after] = kept.text().split(/\n\[… \d+ characters left out …\]\n/);
          if (after === undefined) return void expect(kept.text()).toBe(whole);
          expect(whole.startsWith(before)).toBe(true);
          expect(whole.endsWith(after)).toBe(true);
          expect(before.length + kept.omitted() + after.length).toBe(whole.length);
          expect(after.length).toBeLessThanOrEqual(tail);
          expect(kept.text().isWellFormed()).toBe(true);
        },
      ),
    );
  });
});

describe("chunks and filler", () => {
  it("chunks join to exactly the text", () => {
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 1, max: 5 }),
        (whole, words) => void expect(chunksOf(whole, words).join("")).toBe(whole),
      ),
    );
  });

  it("filler has exactly so many words and is the same each time", () => {
    for (const count of [1, 12, 13, 2000]) expect(fillerText(count).split(/\s+/)).toHaveLength(count);
    expect(fillerText(2000)).toBe(fillerText(2000));
  });
});
