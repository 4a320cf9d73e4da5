import { expect, test } from "vitest";
import { parseSelector } from "./selector.ts";

const labels = { env: "prod", tier: "web", empty: "" };

test.each([
  ["env", true],
  ["none", false],
  ["!none", true],
  ["!env", false],
  ["env=prod", true],
  ["env==prod", true],
  ["env = prod", true],
  ["env=test", false],
  ["env!=test", true],
  ["env!=prod", false],
  ["none!=x", true],
  ["none=", false],
  ["empty=", true],
  ["env in (test, prod)", true],
  ["env in (test)", false],
  ["none in (x)", false],
  ["env notin (test)", true],
  ["env notin (prod,test)", false],
  ["none notin (x)", true],
  ["env=prod,tier in (db,web),!none", true],
  ["env=prod,tier in (db,cache)", false],
])("%s is %s", (text, expected) => {
  expect(parseSelector(text)?.(labels)).toBe(expected);
});

test.each(["=", "a=b=c", "a in b", "a in (b", "a,,b", "a b", "-a", "a=b;c"])("%j is no selector", (text) => {
  expect(parseSelector(text)).toBeNull();
});
