import { expect, test } from "vitest";
import { parseJson } from "./parse-json.ts";

test("parses every kind of JSON value", () => {
  expect(parseJson('{"a": [1, "b", true]}')).toEqual({ a: [1, "b", true] });
  expect(parseJson("null")).toBeNull();
});

test.each(["", "tea", '{"a": 1', "undefined"])("answers undefined for %j, which is not JSON", (text) => {
  expect(parseJson(text)).toBeUndefined();
});
