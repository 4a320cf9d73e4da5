import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type MessageView, messageView } from "@samovar/contracts";
import { type ScriptedMessagesApi, startScriptedMessagesApi } from "@samovar/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, removeDirectory, startInstallation, taskOf } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";

const ANSWER = Array.from({ length: 120 }, (_, i) => `word${i}`).join(" ");
let model: ScriptedMessagesApi;
let here: Installation;

beforeAll(async () => {
  model = await startScriptedMessagesApi({
    turns: [
      {
        text: ["I will greet in tea.", " First the file."],
        toolUse: { name: "Write", input: { file_path: "hello.txt", content: "hello tea\n" } },
      },
      { toolUse: { name: "Bash", input: { command: "cat hello.txt && echo brewed", description: "Show the file" } } },
      { text: ANSWER.split(/(?= )/) },
    ],
  });
  here = await startInstallation({
    env: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "sk-ant-scripted-key-for-the-journey" },
  });
}, 300_000);

afterAll(async () => {
  await here.stop();
  await model.close();
  await removeDirectory(here.dataDir);
});

test(
  "[R1] [R11] [R15] Claude Code edits, runs a command and answers; all of it is stored and pushed",
  { timeout: 300_000 },
  async () => {
    const repository = makeRepository(join(here.dataDir, "repository"));
    const finished = await here.samovar(["run", "--json", "--agent", "claude", "--repo", repository, "Greet in tea"]);
    const task = taskOf(finished);
    expect(task.failure).toBeNull();
    expect(task.status).toBe("completed");
    expect(finished.code).toBe(0);
    expect(git(repository, "show", `${task.branch}:hello.txt`)).toBe("hello tea");

    const { messages } = z
      .object({ messages: z.array(messageView) })
      .parse(await here.api(`/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`));
    const tools = messages.filter((message) => message.kind === "tool");
    expect(messages.some((message) => message.role === "assistant" && message.content === ANSWER)).toBe(true);
    expect(tools.map((tool) => tool.toolMetadata?.status)).toEqual(["success", "success"]);
    expect(diffOf(tools, "hello.txt")).toContain("hello tea");
    expect(tools.at(-1)?.toolMetadata?.output).toContain("brewed");
    expect(task.output?.transcript).toMatchObject({ agreed: true });
    expect((await here.samovar(["verify", task.id])).code).toBe(0);
  },
);

test("[security 26] the model's key is nowhere in the workspace or on the agent's command line", async () => {
  expect(model.requests.length).toBeGreaterThan(2);
  expect(model.requests.every((request) => request.apiKey === "sk-ant-scripted-key-for-the-journey")).toBe(true);
  const found = await here.samovar(["doctor", "--json"]);
  expect(found.stdout + found.stderr).not.toContain("sk-ant-scripted-key");
  mkdirSync(join(homedir(), ".cache"), { recursive: true });
});

function diffOf(tools: readonly MessageView[], path: string): string {
  return (
    tools.flatMap((tool) => tool.toolMetadata?.diffs ?? []).find((diff) => diff.path.endsWith(path))?.newText ?? ""
  );
}
