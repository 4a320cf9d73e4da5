import { describe, expect, test } from "vitest";
import { deriveTopic } from "./topic.ts";

describe("a session's topic", () => {
  test.each([
    ["Fix the test", "Fix the test"],
    ["\n  Fix\tthe   test \r\nand more", "Fix the test"],
    [" \n\t", null],
    [`${"word ".repeat(30)}`, `${"word ".repeat(15).trimEnd()}…`],
    ["x".repeat(200), `${"x".repeat(79)}…`],
    [`${"x".repeat(78)}😀${"y".repeat(10)}`, `${"x".repeat(78)}…`],
    ["x".repeat(80), "x".repeat(80)],
  ])("of %j is %j", (text, topic) => {
    expect(deriveTopic(text)).toBe(topic);
  });
});
