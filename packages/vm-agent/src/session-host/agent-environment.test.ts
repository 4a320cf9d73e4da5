import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { HostLaunch } from "@samovar/contracts";
import { AGENTS } from "@samovar/domain/agents";
import { expect, test } from "vitest";
import { createAgentEnvironment } from "./agent-environment.ts";
import type { AgentGrant } from "./agent-environment.ts";

const sessionId = idSource(systemClock, systemRandom).make("ses");
const AROUND = { path: "/usr/bin", lang: "C.UTF-8", isRoot: false };
const GRANT: AgentGrant = { gateway: { url: "http://127.0.0.1:9", key: "gateway-key" }, secretEnv: {} };
const NOTHING: AgentGrant = { gateway: null, secretEnv: {} };

const launched = (env: Record<string, string>, model: string | null = null, kind = "tea") => ({
  agent: { kind, command: ["tea"], env, gateway: null, secretEnv: false } satisfies HostLaunch["agent"],
  home: "/w/home",
  checkout: "/w/repo",
  model,
  mark: sessionId,
});

test("[R15] places in a recipe's values are filled in, several in one value, and nothing else is touched", () => {
  const env = {
    URL: "{gateway.url}/v1",
    CONFIG:
      '{"key":"{gateway.key}","models":{"{model}":{}},"home":"{home}","docs":["{checkout}/AGENTS.md"],"env":"{env:X} {gateway}"}',
    DOLLARS: "$HOME $& {home}",
  };
  expect(createAgentEnvironment(launched(env, "$& {home}"), GRANT, AROUND)).toEqual({
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

test("a variable with a place for which there is nothing is left out", () => {
  const given = createAgentEnvironment(
    launched({ MODEL: "openai/{model}", URL: "{gateway.url}", ON: "1" }),
    NOTHING,
    AROUND,
  );
  expect(Object.keys(given).toSorted()).toEqual(["HOME", "LANG", "ON", "PATH", "SAMOVAR_SESSION"]);
});

test("[S1] secret variables are passed as they are, and nobody takes the session's mark", () => {
  const secretEnv = { TOKEN: "a {home} b", SAMOVAR_SESSION: "another" };
  const given = createAgentEnvironment(launched({ TOKEN: "open" }), { gateway: null, secretEnv }, AROUND);
  expect(given).toMatchObject({ TOKEN: "a {home} b", SAMOVAR_SESSION: sessionId });
});

test("Claude Code is told that it is in a sandbox where it is root, others are not", () => {
  const claude = (isRoot: boolean) =>
    createAgentEnvironment(launched(AGENTS.claude.recipe.env, null, "claude"), GRANT, { ...AROUND, isRoot });
  expect(claude(true)).toMatchObject({
    IS_SANDBOX: "1",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
    ANTHROPIC_API_KEY: "gateway-key",
    CLAUDE_CONFIG_DIR: "/w/home/.claude",
  });
  expect(claude(false)["IS_SANDBOX"]).toBeUndefined();
  expect(createAgentEnvironment(launched({}), GRANT, { ...AROUND, isRoot: true })["IS_SANDBOX"]).toBeUndefined();
});
