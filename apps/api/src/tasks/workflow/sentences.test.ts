import { expect, it } from "vitest";
import { inSentences } from "./sentences.ts";

it("ends each part with a mark, once", () => {
  expect(inSentences(["the kettle is dry", "The workspace is kept."])).toBe(
    "the kettle is dry. The workspace is kept.",
  );
  expect(inSentences(["It said “no.”", "Why?", "see `log`"])).toBe("It said “no.” Why? see `log`.");
  expect(inSentences(["  It died. \n", " ", "(All of it)"])).toBe("It died. (All of it).");
});
