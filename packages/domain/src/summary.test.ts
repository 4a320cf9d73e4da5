import { expect, it } from "vitest";
import { summarise } from "./summary.ts";

it("keeps a short text, and says nothing for nothing", () => {
  expect(summarise("  Done. \n")).toBe("Done.");
  expect(summarise(" \n")).toBeNull();
});

it("cuts a long text at its last whole sentence", () => {
  const sentence = `${"word ".repeat(30).trim()}. `;
  expect(summarise(sentence.repeat(5))).toBe(sentence.repeat(3).trim());
});

it("cuts where there is no sentence at a word, and where there is no word anywhere", () => {
  expect(summarise("word ".repeat(200))).toMatch(/word…$/);
  const cut = summarise("\u{1fad6}".repeat(400)) ?? "";
  expect(cut.length).toBeLessThanOrEqual(500);
  expect(cut.isWellFormed()).toBe(true);
});
