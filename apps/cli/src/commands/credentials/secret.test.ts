import type { CredentialKind } from "@samovar/contracts";
import { anAgentView } from "@samovar/testing";
import { describe, expect, it } from "vitest";
import { CliError } from "../../client/errors.ts";
import { testContext } from "../context.testing.ts";
import type { CommandContext } from "../context.ts";
import { readCredential, type SecretOptions } from "./secret.ts";

const mine = anAgentView({ kind: "mine", secretEnv: ["ONE", "TWO"] });
const read = (kind: CredentialKind, options: Partial<SecretOptions> = {}, context: Partial<CommandContext> = {}) =>
  readCredential(kind, { fromEnv: [], ...options }, async () => [mine], testContext(context));
const stdin = (text: string) => ({ readStdin: async () => text });
const terminal = (...answers: readonly string[]) => {
  const left = [...answers];
  return { askSecret: async () => left.shift() ?? "" };
};

describe("[S1] reads a secret", () => {
  it("from standard input, without the line's end", async () => {
    expect(await read("github", {}, stdin("ghp_abc\n"))).toEqual({ kind: "github", token: "ghp_abc" });
    expect(await read("hetzner", {}, stdin(" tok \n"))).toEqual({ kind: "hetzner", token: "tok" });
    expect(await read("digitalocean", {}, stdin("tok\n"))).toEqual({ kind: "digitalocean", token: "tok" });
  });

  it("from a prompt, before standard input is read", async () => {
    const nothing = { readStdin: () => Promise.reject(new Error("not to be read")) };
    const asked = { ...nothing, ...terminal("sk-1") };
    expect(await read("openai", {}, asked)).toEqual({ kind: "openai", apiKey: "sk-1" });
  });

  it("from an environment variable", async () => {
    const env = { KEY: "sk-2", CLAUDE_CODE_OAUTH_TOKEN: "tok" };
    expect(await read("google", { fromEnv: ["KEY"] }, { env })).toEqual({ kind: "google", apiKey: "sk-2" });
    const oauth = await read("anthropic", { fromEnv: ["CLAUDE_CODE_OAUTH_TOKEN"] }, { env });
    expect(oauth).toEqual({ kind: "anthropic", oauthToken: "tok" });
    await expect(read("github", { fromEnv: ["NONE"] }, { env })).rejects.toThrow(
      "The environment variable NONE is not set.",
    );
    await expect(read("github", { fromEnv: ["KEY", "KEY"] }, { env })).rejects.toThrow("only one secret");
  });

  it("and distinguishes Anthropic's keys from tokens; with a base URL, no key is needed", async () => {
    expect(await read("anthropic", {}, stdin("sk-ant-oat01-x"))).toMatchObject({ oauthToken: "sk-ant-oat01-x" });
    expect(await read("anthropic", {}, stdin("sk-ant-api03-x"))).toMatchObject({ apiKey: "sk-ant-api03-x" });
    const baseUrl = "http://127.0.0.1:9/v1";
    expect(await read("openai", { baseUrl }, stdin(""))).toEqual({ kind: "openai", baseUrl });
    expect(await read("openai", { baseUrl }, stdin("k"))).toEqual({ kind: "openai", baseUrl, apiKey: "k" });
    await expect(read("github", { baseUrl }, stdin("k"))).rejects.toThrow("base URL");
  });

  it("as all of an agent's variables: from prompts, from lines, or from the environment", async () => {
    const whole = { kind: "agent", agent: "mine", env: { ONE: "1", TWO: "2=2" } };
    expect(await read("agent:mine", {}, terminal("1", "2=2"))).toEqual(whole);
    expect(await read("agent:mine", {}, stdin("ONE=1\r\n\nTWO=2=2\n"))).toEqual(whole);
    const env = { ONE: "1", TWO: "2=2" };
    expect(await read("agent:mine", { fromEnv: ["ONE", "TWO"] }, { env })).toEqual(whole);
    await expect(read("agent:mine", {}, stdin("ONE=1"))).rejects.toThrow("also needs TWO");
    await expect(read("agent:mine", {}, stdin("no line"))).rejects.toThrow("NAME=value");
    await expect(read("agent:other", {}, stdin("ONE=1"))).rejects.toThrow("No agent is named other");
  });

  it("and never repeats an invalid one in the error", async () => {
    await expect(read("github", {}, stdin("  "))).rejects.toBeInstanceOf(CliError);
    const long = "s".repeat(9_000);
    const refused = read("github", {}, stdin(long));
    await expect(refused).rejects.toThrow(/cannot be stored: token/);
    await expect(refused).rejects.not.toThrow(long);
  });
});
