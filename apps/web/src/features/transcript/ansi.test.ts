/** Output in colours must say what the same output says without them. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseOutputLines, toTone } from "./ansi.ts";
import { toTerminalText } from "./terminal-text.ts";

const shown = (output: string) =>
  parseOutputLines(output)
    .map((runs) => runs.map(({ text }) => text).join(""))
    .join("\n");

describe("[R27] output in colours", () => {
  it("is the same text as without, whatever it holds", () => {
    const piece = fc.constantFrom(
      "a",
      "bcd",
      "\n",
      "\r",
      "\r\n",
      "\u001b[31m",
      "\u001b[0m",
      "\u001b[1;38;5;82m",
      "\u001b[2K",
      "\u001b]8;;https://evil.test\u0007",
      "\u001b[",
      "\u009b32m",
      "<b>&amp;",
      "\u202e",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
        const output = pieces.join("");
        expect(shown(output)).toBe(toTerminalText(output).replace(/\n$/, ""));
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps colours over a line's end, and those of a line that was written over", () => {
    expect(parseOutputLines("\u001b[31ma\nb\u001b[0mc")).toEqual([
      [{ text: "a", look: "text-failed" }],
      [
        { text: "b", look: "text-failed" },
        { text: "c", look: "" },
      ],
    ]);
    expect(parseOutputLines("\u001b[32m10%\r100%")).toEqual([[{ text: "100%", look: "text-done" }]]);
    expect(parseOutputLines("\u001b[32mabcd\u001b[0m\rxy")).toEqual([
      [
        { text: "xy", look: "text-done" },
        { text: "cd", look: "text-done" },
      ],
    ]);
  });

  it("finds our colour that is nearest to what was meant", () => {
    expect(
      ["187, 0, 0", "255, 85, 255", "0, 0, 187", "85, 85, 85", "0, 0, 0", "255,255,255", "255, 165, 0", null].map(
        toTone,
      ),
    ).toEqual(["red", "magenta", "blue", "grey", null, "white", "yellow", null]);
  });
});
