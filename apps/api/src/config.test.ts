import { LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import { expect, it } from "vitest";
import { TEST_SETTINGS } from "../test/settings.ts";
import { getConfig, settings, getTimeLimits } from "./config.ts";

it("fills in defaults", () => {
  expect(getConfig({ ...TEST_SETTINGS })).toMatchObject({
    NODE_SLOTS: 3,
    ALLOW_LOCAL_REPOS: false,
    SWEEP_CRON: "*/15 * * * *",
  });
});

it("reads the places of a provider as a list, and refuses what is none", () => {
  const given = { ...TEST_SETTINGS, HETZNER_LOCATION: "fsn1,nbg1", HETZNER_IMAGE: "image=samovar" };
  expect(getConfig(given)).toMatchObject({
    HETZNER_LOCATION: ["fsn1", "nbg1"],
    HETZNER_IMAGE: "image=samovar",
    DIGITALOCEAN_IMAGE: "debian-12-x64",
  });
  const wrong = { ...TEST_SETTINGS, CLOUD_PROVIDER: "aws", HETZNER_LOCATION: "fsn1, nbg1", HETZNER_IMAGE: "a,!b" };
  expect(() => getConfig(wrong)).toThrow(/CLOUD_PROVIDER[\s\S]*HETZNER_IMAGE[\s\S]*HETZNER_LOCATION/);
});

it("is parsed once for each set of bindings", () => {
  const env = { ...TEST_SETTINGS };
  expect(getConfig(env)).toBe(getConfig(env));
});

it("names all faults at once, and no secret", () => {
  const wrong = { ...TEST_SETTINGS, PUBLIC_URL: "nowhere", NODE_SLOTS: "0", OPERATOR_SECRET: "short-and-secret" };
  expect(() => getConfig(wrong)).toThrow(/PUBLIC_URL[\s\S]*OPERATOR_SECRET[\s\S]*NODE_SLOTS/);
  expect(() => getConfig(wrong)).not.toThrow(/short-and-secret/);
});

it("refuses settings of nodes that no node could use", () => {
  const wrong = { MSG_BATCH_MAX_WAIT_MS: "100", MSG_RETRY_INITIAL_MS: "31000" };
  expect(() => getConfig({ ...TEST_SETTINGS, ...wrong })).toThrow(
    /MSG_BATCH_MIN_INTERVAL_MS: must not be more than MSG_BATCH_MAX_WAIT_MS[\s\S]*MSG_RETRY_INITIAL_MS/,
  );
});

it("[F47] knows every limit of time of the table, as it is set or as the table has it", () => {
  const limits = getTimeLimits(getConfig({ ...TEST_SETTINGS, TASK_MAX_DURATION_MS: "60000" }));
  expect(limits).toMatchObject({ TASK_MAX_DURATION_MS: 60_000, DRAIN_TIMEOUT_MS: 500 });
  expect(limits.AGENT_READY_MS).toBe(TIME_LIMITS.AGENT_READY_MS.ms);
  const settable = Object.entries(TIME_LIMITS).filter(([, { side }]) => side === "control_plane" || side === "both");
  for (const [name, { ms }] of settable)
    expect(settings.shape, name).toHaveProperty(
      name,
      expect.toSatisfy((schema) => schema.parse(undefined) === ms),
    );
});

it("[F47] a limit is a time that a timer can count to, and more than none", () => {
  for (const wrong of ["0", "-1", "soon", String(LONGEST_LIMIT_MS + 1)])
    expect(() => getConfig({ ...TEST_SETTINGS, AGENT_IDLE_TIMEOUT_MS: wrong })).toThrow(/AGENT_IDLE_TIMEOUT_MS/);
});
