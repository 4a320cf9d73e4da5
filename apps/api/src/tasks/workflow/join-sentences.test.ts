import { expect, it } from "vitest";
import { joinSentences } from "./join-sentences.ts";

it("ends each part with a mark, once", () => {
  expect(joinSentences(["the kettle is dry", "The workspace is kept."])).toBe(
    "the kettle is dry. The workspace is kept.",
  );
  expect(joinSentences(["It said “no.”", "Why?", "see `log`"])).toBe("It said “no.” Why? see `log`.");
  expect(joinSentences(["  It died. \n", " ", "(All of it)"])).toBe("It died. (All of it).");
});
