import { expect, it } from "vitest";
import { TEST_SETTINGS } from "../test/settings.ts";
import { configOf } from "./config.ts";

it("fills in what is not given", () => {
  expect(configOf({ ...TEST_SETTINGS })).toMatchObject({
    NODE_SLOTS: 3,
    ALLOW_LOCAL_REPOS: false,
    SWEEP_CRON: "*/15 * * * *",
  });
});

it("is parsed once for each set of bindings", () => {
  const env = { ...TEST_SETTINGS };
  expect(configOf(env)).toBe(configOf(env));
});

it("tells all faults at once, and no secret", () => {
  const wrong = { ...TEST_SETTINGS, PUBLIC_URL: "nowhere", NODE_SLOTS: "0", OPERATOR_SECRET: "short-and-secret" };
  expect(() => configOf(wrong)).toThrow(/PUBLIC_URL[\s\S]*OPERATOR_SECRET[\s\S]*NODE_SLOTS/);
  expect(() => configOf(wrong)).not.toThrow(/short-and-secret/);
});
