import { TIME_LIMITS } from "@samovar/contracts";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_DOCKER_SETTINGS } from "./runtime/docker/choose-docker.ts";
import { readSettings } from "./settings.ts";

const fromFile = {
  controlPlaneUrl: "http://samovar.test/",
  nodeId: `nod_${"0".repeat(26)}`,
  stateDir: "/var/lib/samovar",
};
const read = (env: NodeJS.ProcessEnv) => {
  const file = join(mkdtempSync(join(tmpdir(), "smv-settings-")), "agent.json");
  writeFileSync(file, JSON.stringify(fromFile));
  return readSettings(file, env);
};

it("[F47] takes its time limits from the table that the control plane reads too", () => {
  expect(read({})).toMatchObject({
    controlPlaneUrl: "http://samovar.test",
    cloneTimeoutMs: TIME_LIMITS.CLONE_TIMEOUT_MS.ms,
    installTimeoutMs: TIME_LIMITS.AGENT_INSTALL_TIMEOUT_MS.ms,
    finishTimeoutMs: TIME_LIMITS.FINISH_TIMEOUT_MS.ms,
    drainTimeoutMs: TIME_LIMITS.DRAIN_TIMEOUT_MS.ms,
  });
  expect(read({ DRAIN_TIMEOUT_MS: "5000", SAMOVAR_ROOT: "/root-of-it" })).toMatchObject({
    drainTimeoutMs: 5000,
    stateDir: "/root-of-it/var/lib/samovar",
  });
});

it("[security 23] takes a sandbox where one works, unless a setting says otherwise", () => {
  expect(read({}).runtime).toEqual({ mode: "auto", readOnlyPaths: [], docker: DEFAULT_DOCKER_SETTINGS });
  const env = { WORKSPACE_RUNTIME: "sandbox", SANDBOX_READ_ONLY_PATHS: "/nix/store:/srv/tools" };
  expect(read(env).runtime).toMatchObject({ mode: "sandbox", readOnlyPaths: ["/nix/store", "/srv/tools"] });
  expect(() => read({ WORKSPACE_RUNTIME: "none" })).toThrow(/WORKSPACE_RUNTIME/);
  const docker = { WORKSPACE_IMAGE: "team/tools:1" };
  expect(read({ ...docker, WORKSPACE_RUNTIME: "docker" }).runtime).toMatchObject({
    mode: "docker",
    docker: { image: "team/tools:1" },
  });
  expect(() => read({ WORKSPACE_IMAGE: "--privileged" })).toThrow(/WORKSPACE_IMAGE/);
  expect(() => read({ SANDBOX_READ_ONLY_PATHS: "tools" })).toThrow(/SANDBOX_READ_ONLY_PATHS/);
});

it("[R48] has limits of workspaces", () => {
  const { limits } = read({ WORKSPACE_MAX_PROCESSES: "64", WORKSPACE_MAX_MEMORY_MB: "512" });
  expect(limits).toMatchObject({ WORKSPACE_MAX_PROCESSES: 64, WORKSPACE_MAX_MEMORY_MB: 512 });
  expect(() => read({ WORKSPACE_MAX_DISK_MB: "much" })).toThrow(/WORKSPACE_MAX_DISK_MB/);
});

it("reports every invalid setting at once", () => {
  expect(() => read({ DRAIN_TIMEOUT_MS: "0", CLONE_TIMEOUT_MS: "soon", LOG_LEVEL: "loud" })).toThrow(
    /LOG_LEVEL[\s\S]*CLONE_TIMEOUT_MS[\s\S]*DRAIN_TIMEOUT_MS/,
  );
});
