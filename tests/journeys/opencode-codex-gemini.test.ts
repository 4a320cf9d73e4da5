/** The npm packages of OpenCode, Codex and Gemini CLI, each with a scripted model of its API, through the whole stack. */
import { join } from "node:path";
import { type CredentialSecret, type MessageView, messageView } from "@samovar/contracts";
import {
  type ScriptedModel,
  type ScriptedTurn,
  startScriptedGeminiApi,
  startScriptedOpenAiApi,
} from "@samovar/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, removeDirectory, startInstallation, parseTask } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";

const KEY = "the-real-key-of-the-journey-4711";
/** Finds the key, and not itself. */
const KEY_PATTERN = "the-real-key-of-the-[j]ourney-4711";
const ANSWER = Array.from({ length: 120 }, (_, i) => `word${i}`).join(" ");
const FIRST = ["I will greet in tea.", " First the file."];
const LAST: ScriptedTurn = { text: ANSWER.split(/(?= )/) };
const PATCH = "*** Begin Patch\n*** Update File: hello.txt\n@@\n-hello coffee\n+hello tea\n*** End Patch";
const PLACES = "/proc/[0-9]*/environ /proc/[0-9]*/cmdline";
const LOOK = [
  "env > environment.txt",
  // The same way of looking finds what is there: the session's mark.
  "grep -lsaE 'SAMOVAR_[S]ESSION=' /proc/self/environ > mark.txt",
  `grep -rlsaE '${KEY_PATTERN}' ${PLACES} "$HOME" . > leaks.txt`,
  "cat hello.txt; echo brewed",
].join("; ");

interface Play {
  readonly agent: string;
  /** Chosen for the task; the agent's own when absent. */
  readonly model?: { readonly id: string; readonly asked: string };
  readonly turns: readonly ScriptedTurn[];
  start(turns: readonly ScriptedTurn[]): Promise<ScriptedModel>;
  credential(url: string): CredentialSecret;
}

const openAi = (turns: readonly ScriptedTurn[]) => startScriptedOpenAiApi({ turns, apiKey: KEY });
const openAiCredential = (url: string): CredentialSecret => ({ kind: "openai", apiKey: KEY, baseUrl: `${url}/v1` });

const PLAYS: readonly Play[] = [
  {
    agent: "opencode",
    model: { id: "openai/gpt-4.1", asked: "gpt-4.1" },
    turns: [
      {
        thinking: "Hm, tea.",
        text: FIRST,
        toolUse: { name: "edit", input: { filePath: "hello.txt", oldString: "coffee", newString: "tea" } },
      },
      { toolUse: { name: "bash", input: { command: LOOK, description: "Look around" } } },
      LAST,
    ],
    start: openAi,
    credential: openAiCredential,
  },
  {
    agent: "codex",
    turns: [
      {
        text: FIRST,
        toolUse: { name: "exec", input: { input: `text(await tools.apply_patch(${JSON.stringify(PATCH)}))` } },
      },
      {
        toolUse: {
          name: "exec",
          input: { input: `text((await tools.exec_command({ cmd: ${JSON.stringify(LOOK)}, login: false })).output)` },
        },
      },
      LAST,
    ],
    start: openAi,
    credential: openAiCredential,
  },
  {
    agent: "gemini",
    turns: [
      {
        thinking: "Hm, tea.",
        text: FIRST,
        toolUse: { name: "write_file", input: { file_path: "hello.txt", content: "hello tea\n" } },
      },
      { toolUse: { name: "run_shell_command", input: { command: LOOK, description: "Look around" } } },
      LAST,
    ],
    start: (turns) => startScriptedGeminiApi({ turns, apiKey: KEY, sideAnswer: '{"complexity_score": 10}' }),
    credential: (url) => ({ kind: "google", apiKey: KEY, baseUrl: url }),
  },
];

let here: Installation;
let repository: string;

beforeAll(async () => {
  here = await startInstallation();
  repository = makeRepository(join(here.dataDir, "repository"), { "hello.txt": "hello coffee\n" });
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

test.each(PLAYS)(
  "[R1] [R15] $agent edits, runs a command and answers; everything is stored and pushed, and no key reaches its workspace",
  { timeout: 300_000 },
  async ({ agent, model: chosen, turns, start, credential }) => {
    const model = await start(turns);
    try {
      const secret = credential(model.url);
      await here.api(`/api/credentials/${secret.kind}`, { method: "PUT", body: secret });
      const choice = chosen === undefined ? [] : ["--model", chosen.id];
      const words = ["--agent", agent, ...choice, "--repo", repository, "Greet in tea"];
      const finished = await here.samovar(["run", "--json", ...words]);
      expect(finished.code, finished.stdout.slice(-2000) + finished.stderr).toBe(0);
      const task = parseTask(finished);
      expect(task.failure).toBeNull();
      expect(task).toMatchObject({ status: "completed", output: { transcript: { agreed: true } } });
      const show = (file: string) => git(repository, "show", `${task.branch}:${file}`);
      expect(show("hello.txt")).toBe("hello tea");
      expect(show("environment.txt")).toMatch(/^HOME=/m);
      expect(show("leaks.txt")).toBe("");
      expect(show("mark.txt")).toBe("/proc/self/environ");

      const body = await here.api(`/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`);
      const { messages } = z.object({ messages: z.array(messageView) }).parse(body);
      expect(said(messages)).toEqual([FIRST.join(""), ANSWER]);
      const tools = messages.flatMap(({ toolMetadata }) => toolMetadata ?? []);
      expect(tools.map(({ status }) => status)).toEqual(["success", "success"]);
      const diffs = tools.flatMap((tool) => tool.diffs ?? []);
      expect(
        diffs.filter(({ path, newText }) => path.endsWith("hello.txt") && /^(hello )?tea\n?$/.test(newText)),
      ).toHaveLength(1);
      expect(JSON.stringify(messages)).not.toContain(KEY);
      expect((await here.samovar(["verify", task.id])).code).toBe(0);

      const asked = model.requests.filter(({ answered }) => answered === "turn");
      // Agents ask beside the conversation too, for a title or a summary, when they like.
      expect(asked.slice(0, turns.length).map(({ turn }) => turn)).toEqual(turns.map((_, turn) => turn));
      expect(new Set(model.requests.map(({ apiKey }) => apiKey))).toEqual(new Set([KEY]));
      if (chosen !== undefined)
        expect(asked.map(({ body }) => z.object({ model: z.string() }).parse(body).model)).toEqual(
          turns.map(() => chosen.asked),
        );
      expect(model.requests.filter(({ answered }) => answered === "unknown")).toEqual([]);
    } finally {
      await model.close();
    }
  },
);

const said = (messages: readonly MessageView[]): readonly string[] =>
  messages.filter(({ role, kind }) => role === "assistant" && kind === "text").map(({ content }) => content);
