import { describe, expect, it } from "vitest";
import { nodeEnvironment, toVariables } from "./node-environment.ts";
import { TIME_LIMITS } from "./time-limits.ts";

describe("the settings of nodes [R40]", () => {
  it("[F47] has the defaults of the table of time limits, and its limits of both sides", () => {
    const both = Object.entries(TIME_LIMITS).filter(([, { side }]) => side === "both");
    for (const [name, { ms }] of both) expect(nodeEnvironment.parse({})).toMatchObject({ [name]: ms });
    expect(both.length).toBeGreaterThan(3);
  });

  it("sends batches four times a second at most, unless a setting says otherwise", () => {
    expect(nodeEnvironment.parse({}).MSG_BATCH_MIN_INTERVAL_MS).toBe(250);
    expect(nodeEnvironment.parse({ MSG_BATCH_MIN_INTERVAL_MS: "50" }).MSG_BATCH_MIN_INTERVAL_MS).toBe(50);
  });

  it("comes back the same from the variables of a node, without those that are unset", () => {
    const set = { SANDBOX_READ_ONLY_PATHS: "/nix/store:/srv/to ols", WORKSPACE_MAX_DISK_MB: "0", LOG_LEVEL: "debug" };
    const settings = nodeEnvironment.parse({ ...set, UNKNOWN: "x" });
    const variables = toVariables(settings);
    expect(variables).toMatchObject(set);
    expect(Object.keys(variables)).not.toContain("WORKSPACE_MAX_MEMORY_MB");
    expect(Object.keys(variables)).not.toContain("UNKNOWN");
    expect(nodeEnvironment.parse(variables)).toEqual(settings);
  });

  it.each([
    ["WORKSPACE_RUNTIME", { WORKSPACE_RUNTIME: "none" }],
    ["WORKSPACE_IMAGE", { WORKSPACE_IMAGE: "--privileged" }],
    ["SANDBOX_READ_ONLY_PATHS", { SANDBOX_READ_ONLY_PATHS: "tools" }],
    ["SANDBOX_READ_ONLY_PATHS", { SANDBOX_READ_ONLY_PATHS: "/a:b" }],
    ["SANDBOX_READ_ONLY_PATHS", { SANDBOX_READ_ONLY_PATHS: "/a\nUser=root" }],
    ["CLONE_TIMEOUT_MS", { CLONE_TIMEOUT_MS: "soon" }],
    ["MSG_BATCH_MIN_INTERVAL_MS", { MSG_BATCH_MAX_WAIT_MS: "100" }],
    ["MSG_RETRY_INITIAL_MS", { MSG_RETRY_INITIAL_MS: "9000", MSG_RETRY_MAX_MS: "8000" }],
  ])("names %s when it is wrong: %j", (name, environment) => {
    const parsed = nodeEnvironment.safeParse(environment);
    expect(parsed.error?.issues.map((issue) => issue.path.join("."))).toEqual([name]);
  });
});
