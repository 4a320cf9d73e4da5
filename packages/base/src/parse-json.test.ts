import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isDeeperThan, parseJson } from "./parse-json.ts";

test("parses every kind of JSON value", () => {
  expect(parseJson('{"a": [1, "b", true]}')).toEqual({ a: [1, "b", true] });
  expect(parseJson("null")).toBeNull();
});

test.each(["", "tea", '{"a": 1', "undefined"])("answers undefined for %j, which is not JSON", (text) => {
  expect(parseJson(text)).toBeUndefined();
});

const nest = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

test("[security 16] parses what is as deep as allowed, and nothing that is deeper", () => {
  expect(parseJson(nest(64), 64)).toBeInstanceOf(Array);
  expect(parseJson(nest(65), 64)).toBeUndefined();
  expect(parseJson(`{"a":${nest(64)}}`, 64)).toBeUndefined();
  expect(parseJson(nest(1_000_000), 64)).toBeUndefined();
  expect(parseJson(`[${"[],".repeat(1000)}[]]`, 2)).toHaveLength(1001);
});

test.each([nest(99), '"[[[', String.raw`\"[[[`, String.raw`\\`, `${"\\".repeat(999)}"[[`])(
  "[security 16] does not count brackets inside the string %j",
  (text) => {
    expect(parseJson(JSON.stringify({ text }), 1)).toEqual({ text });
  },
);

function getDepth(value: unknown): number {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(getDepth)) : 0;
}

test("[security 16] knows the depth of any JSON", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(6), (value, maxDepth) => {
      expect(isDeeperThan(JSON.stringify(value), maxDepth)).toBe(getDepth(value) > maxDepth);
    }),
  );
});
