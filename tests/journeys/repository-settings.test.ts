/**
 * Hostile settings in a repository, with the real agents: ignored unless the project allows them, and never the model's address.
 * One installation, a model for each API, and beside each another to which the repository would lead the agents.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type CredentialSecret, projectView, taskView, type TaskView } from "@samovar/contracts";
import {
  type RecordedRequest,
  type ScriptedModel,
  startScriptedGeminiApi,
  startScriptedMessagesApi,
  startScriptedOpenAiApi,
} from "@samovar/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { makeMarks } from "../harness/marks.ts";
import { makeRepository } from "../harness/repository.ts";
import { createTraps } from "./repository-settings.traps.ts";

const KEY = "the-real-key-of-the-journey-0815";
const turns = [{ text: "Served." }];
const APIS = {
  openai: (apiKey?: string) => startScriptedOpenAiApi({ turns, models: ["gpt-4.1"], ...withKey(apiKey) }),
  google: (apiKey?: string) =>
    startScriptedGeminiApi({ turns, sideAnswer: '{"complexity_score": 10}', ...withKey(apiKey) }),
  anthropic: (apiKey?: string) => startScriptedMessagesApi({ turns, ...withKey(apiKey) }),
};
const withKey = (apiKey?: string) => (apiKey === undefined ? {} : { apiKey });
type Api = keyof typeof APIS;
type Model = Pick<ScriptedModel, "url" | "close"> & { readonly requests: readonly RecordedRequest[] };

const credentials: Record<Api, (url: string) => CredentialSecret> = {
  openai: (url) => ({ kind: "openai", apiKey: KEY, baseUrl: `${url}/v1` }),
  google: (url) => ({ kind: "google", apiKey: KEY, baseUrl: url }),
  anthropic: (url) => ({ kind: "anthropic", apiKey: KEY, baseUrl: url }),
};

/** Programs of the traps leave a file here when they run. */
const marks = makeMarks();
const models = new Map<Api, { readonly real: Model; readonly other: Model }>();
let here: Installation;
let traps: ReturnType<typeof createTraps>;
let count = 0;

beforeAll(async () => {
  here = await startInstallation();
  for (const api of ["openai", "google", "anthropic"] as const) {
    const [real, other] = await Promise.all([APIS[api](KEY), APIS[api]()]);
    models.set(api, { real, other });
    const secret = credentials[api](real.url);
    await here.api(`/api/credentials/${secret.kind}`, { method: "PUT", body: secret });
  }
  traps = createTraps(marks, (api) => getModels(api).other.url);
});

afterAll(async () => {
  await here.stop();
  for (const { real, other } of models.values()) await Promise.all([real.close(), other.close()]);
  await removeDirectory(here.dataDir);
  rmSync(marks, { recursive: true, force: true });
});

beforeEach(() => {
  for (const name of readdirSync(marks)) rmSync(join(marks, name), { recursive: true });
});

function getModels(api: Api) {
  const found = models.get(api);
  if (found === undefined) throw new Error(`there is no model of ${api}`);
  return found;
}

/** Runs one task on a repository with these files, and returns how it ended and which requests it made. */
async function run(agent: string, api: Api, files: Record<string, string>, repositorySettings: "ignored" | "used") {
  count += 1;
  const repoUrl = makeRepository(join(here.dataDir, `hostile-${count}`), files);
  const body = { name: `Hostile ${count}`, repoUrl, repositorySettings };
  const project = projectView.parse(await here.api("/api/projects", { method: "POST", body }));
  const { real, other } = getModels(api);
  const before = real.requests.length;
  const path = `/api/projects/${project.id}/tasks`;
  const made = taskView.parse(
    await here.api(path, { method: "POST", body: { description: "Serve the tea", run: true, agent } }),
  );
  const task = await vi.waitFor(
    async (): Promise<TaskView> => {
      const now = taskView.parse(await here.api(`${path}/${made.id}`));
      expect(["completed", "failed", "cancelled"]).toContain(now.status);
      return now;
    },
    { interval: 100 },
  );
  const asked = real.requests.slice(before);
  return { task, asked, text: JSON.stringify(asked.map(({ body: sent }) => sent)), misled: [...other.requests] };
}

const sprung = () => readdirSync(marks).toSorted();

describe("[R49] [security 27] a project that ignores the repository's settings", () => {
  test.each([
    ["opencode", "openai", "AGENTS.md"],
    ["codex", "openai", "AGENTS.md"],
    ["gemini", "google", null],
    ["claude", "anthropic", "CLAUDE.md"],
  ] as const)(
    "%s starts nothing of a hostile repository, and its calls go to the project's model",
    { timeout: 300_000 },
    async (agent, api, instructions) => {
      const { task, asked, text, misled } = await run(agent, api, traps.quiet(agent), "ignored");
      expect(task).toMatchObject({ status: "completed", failure: null });
      expect(misled).toEqual([]);
      expect(sprung()).toEqual([]);
      expect(asked.some(({ answered }) => answered === "turn")).toBe(true);
      if (instructions !== null) expect(text).toContain(`In the ${instructions}: white cups.`);
    },
  );

  test.each([
    ["opencode", "openai", ".opencode/plugin"],
    ["codex", "openai", ".codex/config.toml"],
  ] as const)(
    "%s, which would start the programs of a repository all the same, does not start beside them",
    { timeout: 300_000 },
    async (agent, api, file) => {
      const { task, asked } = await run(agent, api, traps.starting(agent), "ignored");
      expect(task).toMatchObject({ status: "failed", failure: { code: "repository_settings" } });
      expect(task.failure?.message).toContain(file);
      expect(asked).toEqual([]);
      expect(sprung()).toEqual([]);
    },
  );
});

describe("[R49] [security 27] a project that lets agents use the repository's settings", () => {
  test.each([
    ["opencode", "openai", ["opencode-mcp", "opencode-plugin"]],
    ["codex", "openai", ["codex-mcp"]],
    ["gemini", "google", ["gemini-hook", "gemini-mcp"]],
    ["claude", "anthropic", ["claude-hook", "claude-mcp"]],
  ] as const)(
    "%s starts the repository's programs, and its calls still go to the project's model with its key",
    { timeout: 300_000 },
    async (agent, api, expected) => {
      const { task, asked, misled } = await run(agent, api, traps.starting(agent), "used");
      expect(task).toMatchObject({ status: "completed", failure: null });
      expect(sprung()).toEqual(expected);
      expect(misled).toEqual([]);
      expect(new Set(asked.map(({ apiKey }) => apiKey))).toEqual(new Set([KEY]));
      expect(asked.some(({ answered }) => answered === "turn")).toBe(true);
    },
  );

  test("Gemini CLI's calls stay with the gateway when the repository chooses another of Google's APIs", async () => {
    const { asked, misled } = await run("gemini", "google", traps.vertex(), "used");
    expect(misled).toEqual([]);
    // The gateway forwards calls of the project's API alone.
    expect(asked).toEqual([]);
    expect(existsSync(join(marks, "gemini-mcp"))).toBe(true);
  });
});
