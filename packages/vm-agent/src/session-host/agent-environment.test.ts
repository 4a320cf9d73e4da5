import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { HostLaunch } from "@samovar/contracts";
import { AGENTS } from "@samovar/domain/agents";
import { expect, test } from "vitest";
import { createAgentEnvironment } from "./agent-environment.ts";
import type { AgentGrant } from "./agent-environment.ts";

const sessionId = idSource(systemClock, systemRandom).make("ses");
const SURROUNDINGS = { path: "/usr/bin", lang: "C.UTF-8", isRoot: false };
const GRANT: AgentGrant = { gateway: { url: "http://127.0.0.1:9", key: "gateway-key" }, secretEnv: {} };
const NOTHING: AgentGrant = { gateway: null, secretEnv: {} };

const aStart = (env: Record<string, string>, model: string | null = null, kind = "tea") => ({
  agent: { kind, command: ["tea"], env, gateway: null, secretEnv: false } satisfies HostLaunch["agent"],
  home: "/w/home",
  checkout: "/w/repo",
  model,
  mark: sessionId,
});

test("[R15] replaces the placeholders in a recipe's values, several in one value, and changes nothing else", () => {
  const env = {
    URL: "{gateway.url}/v1",
    CONFIG:
      '{"key":"{gateway.key}","models":{"{model}":{}},"home":"{home}","docs":["{checkout}/AGENTS.md"],"env":"{env:X} {gateway}"}',
    DOLLARS: "$HOME $& {home}",
  };
  expect(createAgentEnvironment(aStart(env, "$& {home}"), GRANT, SURROUNDINGS)).toEqual({
    PATH: "/usr/bin",
    LANG: "C.UTF-8",
    HOME: "/w/home",
    SAMOVAR_SESSION: sessionId,
    URL: "http://127.0.0.1:9/v1",
    CONFIG:
      '{"key":"gateway-key","models":{"$& {home}":{}},"home":"/w/home","docs":["/w/repo/AGENTS.md"],"env":"{env:X} {gateway}"}',
    DOLLARS: "$HOME $& /w/home",
  });
});

test("leaves out a variable with a placeholder that has no value", () => {
  const given = createAgentEnvironment(
    aStart({ MODEL: "openai/{model}", URL: "{gateway.url}", ON: "1" }),
    NOTHING,
    SURROUNDINGS,
  );
  expect(Object.keys(given).toSorted()).toEqual(["HOME", "LANG", "ON", "PATH", "SAMOVAR_SESSION"]);
});

test("[S1] passes secret variables unchanged, and lets none replace the session's mark", () => {
  const secretEnv = { TOKEN: "a {home} b", SAMOVAR_SESSION: "another" };
  const given = createAgentEnvironment(aStart({ TOKEN: "open" }), { gateway: null, secretEnv }, SURROUNDINGS);
  expect(given).toMatchObject({ TOKEN: "a {home} b", SAMOVAR_SESSION: sessionId });
});

test("sets IS_SANDBOX for Claude Code as root, and for no other agent", () => {
  const claude = (isRoot: boolean) =>
    createAgentEnvironment(aStart(AGENTS.claude.recipe.env, null, "claude"), GRANT, { ...SURROUNDINGS, isRoot });
  expect(claude(true)).toMatchObject({
    IS_SANDBOX: "1",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
    ANTHROPIC_API_KEY: "gateway-key",
    CLAUDE_CONFIG_DIR: "/w/home/.claude",
  });
  expect(claude(false)["IS_SANDBOX"]).toBeUndefined();
  expect(createAgentEnvironment(aStart({}), GRANT, { ...SURROUNDINGS, isRoot: true })["IS_SANDBOX"]).toBeUndefined();
});
