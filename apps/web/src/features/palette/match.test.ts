import { expect, it } from "vitest";
import { scoreMatch } from "./match.ts";

it.each([
  ["Go to board", "", 1],
  ["Go to board", "go to", 1],
  ["Go to board", "board go", 0.8],
  ["Go to board", "oard", 0.5],
  ["Go to board", "gtb", 0],
  ["Boil the kettle", "KETTLE boil", 0.8],
])("%s, with %j typed: %d", (text, typed, expected) => {
  expect(scoreMatch(text, typed)).toBe(expected);
});
