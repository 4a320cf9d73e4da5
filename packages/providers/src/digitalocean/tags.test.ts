import { expect, test } from "vitest";
import { toLabels, toTag, toTags } from "./tags.ts";

test.each([
  [{ "samovar-installation": "install-1" }, ["samovar-installation:install-1"]],
  [{ "samovar-node": "nod_01kamhsyv7" }, ["samovar-node:nod_5f01kamhsyv7"]],
  [{ "Tier.x": "A" }, ["_54ier_2ex:_41"]],
  [{ a: "_41" }, ["a:_5f41"]],
])("%j is written as %j and read back", (labels, tags) => {
  expect(toTags(labels)).toEqual(tags);
  expect(toLabels(tags)).toEqual(labels);
  for (const tag of tags) expect(tag).toMatch(/^[a-z0-9:_-]{1,255}$/);
});

test("labels that differ in case alone are different tags, whatever DigitalOcean does with capitals", () => {
  expect(toTag("a", "B").toLowerCase()).not.toBe(toTag("a", "b").toLowerCase());
});

test("tags of people and other programs are no labels", () => {
  expect(toLabels(["web", "Env:prod", "a:b:c", "a_b:c", "a:_zz", "env:prod"])).toEqual({ env: "prod" });
});
