import { join } from "node:path";
import { type MessageView, messageView } from "@samovar/contracts";
import { type ScriptedMessagesApi, startScriptedMessagesApi } from "@samovar/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { type Installation, removeDirectory, startInstallation, taskOf } from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";

const KEY = "sk-ant-scripted-key-for-the-journey";
const ANSWER = Array.from({ length: 120 }, (_, i) => `word${i}`).join(" ");
let model: ScriptedMessagesApi;
let here: Installation;

beforeAll(async () => {
  model = await startScriptedMessagesApi({
    apiKey: KEY,
    turns: [
      {
        text: ["I will greet in tea.", " First the file."],
        toolUse: { name: "Write", input: { file_path: "hello.txt", content: "hello tea\n" } },
      },
      {
        toolUse: {
          name: "Bash",
          input: { command: "cat hello.txt && env && echo brewed", description: "Show the file" },
        },
      },
      { text: ANSWER.split(/(?= )/) },
    ],
  });
  here = await startInstallation({ env: { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: KEY } });
});

afterAll(async () => {
  await here.stop();
  await model.close();
  await removeDirectory(here.dataDir);
});

test(
  "[R1] [R11] [R15] Claude Code edits, runs a command and answers; all of it is stored and pushed, and no key reached its workspace",
  { timeout: 300_000 },
  async () => {
    const repository = makeRepository(join(here.dataDir, "repository"));
    const finished = await here.samovar(["run", "--json", "--agent", "claude", "--repo", repository, "Greet in tea"]);
    const task = taskOf(finished);
    expect(task.failure).toBeNull();
    expect(task.status).toBe("completed");
    expect(finished.code).toBe(0);
    expect(git(repository, "show", `${task.branch}:hello.txt`)).toBe("hello tea");

    const body = await here.api(`/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`);
    const { messages } = z.object({ messages: z.array(messageView) }).parse(body);
    const tools = messages.filter((message) => message.kind === "tool");
    expect(messages.filter((message) => message.role === "assistant" && message.content === ANSWER)).toHaveLength(1);
    expect(tools.map((tool) => tool.toolMetadata?.status)).toEqual(["success", "success"]);
    expect(diffOf(tools, "hello.txt")).toContain("hello tea");
    const output = tools.at(-1)?.toolMetadata?.output ?? "";
    expect(output).toContain("brewed");
    expect(output).toMatch(/^HOME=/m);
    expect(output).not.toContain(KEY);

    expect(model.requests.filter((request) => request.answered === "turn").map((request) => request.apiKey)).toEqual([
      KEY,
      KEY,
      KEY,
    ]);
    expect(task.output?.transcript).toMatchObject({ agreed: true });
    expect((await here.samovar(["verify", task.id])).code).toBe(0);
  },
);

function diffOf(tools: readonly MessageView[], path: string): string {
  return (
    tools.flatMap((tool) => tool.toolMetadata?.diffs ?? []).find((diff) => diff.path.endsWith(path))?.newText ?? ""
  );
}
