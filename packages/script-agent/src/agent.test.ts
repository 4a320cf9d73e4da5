/** The agent as a client meets it: a real process, spoken to over its standard streams. */
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import type { RequestPermissionResponse, SessionUpdate, ToolCallContent } from "@agentclientprotocol/sdk";
import { client, methods, ndJsonStream } from "@agentclientprotocol/sdk";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fillerText } from "./filler.ts";

let cwd = "";
let home = "";
const disposals: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  cwd = realpathSync(mkdtempSync(join(tmpdir(), "script-agent-")));
  home = mkdtempSync(join(tmpdir(), "script-agent-home-"));
});
afterEach(async () => {
  for (const dispose of disposals.splice(0).toReversed()) await dispose();
  for (const directory of [cwd, home]) rmSync(directory, { recursive: true, force: true });
});

async function openAgent(
  permission: RequestPermissionResponse["outcome"] = { outcome: "cancelled" },
  recall: { readonly SCRIPT_AGENT_RECALL?: string; readonly from?: "resume" | "load"; readonly session?: string } = {},
) {
  const { from, session, ...wish } = recall;
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, HOME: home, ...wish },
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const updates: SessionUpdate[] = [];
  const connection = client()
    .onNotification(methods.client.session.update, ({ params }) => void updates.push(params.update))
    .onRequest(methods.client.session.requestPermission, () => ({ outcome: permission }))
    .connect(ndJsonStream(Writable.toWeb(child.stdin), Readable.toWeb(child.stdout)));
  disposals.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const agent = connection.agent;
  const hello = await agent.request(methods.agent.initialize, { protocolVersion: 1, clientCapabilities: {} });
  const begin = async () => {
    if (from === undefined || session === undefined)
      return (await agent.request(methods.agent.session.new, { cwd, mcpServers: [] })).sessionId;
    await agent.request(methods.agent.session[from], { sessionId: session, cwd, mcpServers: [] });
    return session;
  };
  const sessionId = await begin();
  const prompt = (text: string) =>
    agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] });
  const setMode = (modeId: string) => agent.request(methods.agent.session.setMode, { sessionId, modeId });
  const cancel = () => agent.notify(methods.agent.session.cancel, { sessionId });
  return { hello, child, exited, updates, prompt, cancel, setMode, sessionId, stderr: () => stderr };
}

const said = (
  updates: readonly SessionUpdate[],
  kind: "agent_message_chunk" | "agent_thought_chunk" = "agent_message_chunk",
) => {
  const messages = new Map<string, string>();
  for (const update of updates) {
    if (update.sessionUpdate !== kind || update.content.type !== "text") continue;
    const id = update.messageId ?? "";
    messages.set(id, (messages.get(id) ?? "") + update.content.text);
  }
  return [...messages.values()];
};
const toolUpdates = (updates: readonly SessionUpdate[]) =>
  updates.filter((update) => update.sessionUpdate === "tool_call" || update.sessionUpdate === "tool_call_update");
const lastTool = (updates: readonly SessionUpdate[]) => toolUpdates(updates).at(-1);
const textIn = (content: readonly ToolCallContent[] | null | undefined) =>
  (content ?? [])
    .map((part) => (part.type === "content" && part.content.type === "text" ? part.content.text : ""))
    .join("");
const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

describe("the script agent over stdio", () => {
  it("reports its protocol version and runs a whole script as a model's agent would", async () => {
    const { hello, prompt, updates } = await openAgent();
    expect(hello).toMatchObject({ protocolVersion: 1, agentInfo: { name: "samovar-script-agent" } });
    writeFileSync(join(cwd, "a.txt"), "old\n");
    const answer = await prompt(
      "```think\nI should look first.\n```\n```plan\n- [ ] write\n- [ ] check\n```\n```write a.txt\nnew\n```\n```sh\ncat a.txt; echo oops >&2\n```\n```say\nIt is written now, in four words or more.\n```",
    );
    expect(answer.stopReason).toBe("end_turn");
    expect(said(updates, "agent_thought_chunk")).toEqual(["I should look first."]);
    expect(said(updates)).toEqual(["It is written now, in four words or more.", "Ran 5 steps; all succeeded."]);
    expect(updates.filter((update) => update.sessionUpdate === "agent_message_chunk").length).toBeGreaterThan(4);
    const plans = updates.flatMap((update) =>
      update.sessionUpdate === "plan" ? [update.entries.map((entry) => entry.status).join()] : [],
    );
    expect(plans).toEqual(["in_progress,pending", "completed,in_progress", "completed,completed"]);
    const statuses = toolUpdates(updates).map((update) => update.status);
    expect(statuses.slice(0, 3)).toEqual(["pending", "in_progress", "completed"]);
    expect(statuses.slice(3, 5)).toEqual(["pending", "in_progress"]);
    expect(toolUpdates(updates)[0]).toMatchObject({
      kind: "edit",
      title: "Write a.txt",
      locations: [{ path: join(cwd, "a.txt") }],
    });
    expect(toolUpdates(updates)[2]?.content).toEqual([
      { type: "diff", path: join(cwd, "a.txt"), oldText: "old\n", newText: "new\n" },
    ]);
    expect(lastTool(updates)).toMatchObject({ status: "completed", rawOutput: { exitCode: 0 } });
    expect(textIn(lastTool(updates)?.content)).toBe("new\noops\n");
    expect(readFileSync(join(cwd, "a.txt"), "utf8")).toBe("new\n");
  });

  it("a failing command ends the turn with an error, unless its block says continue", async () => {
    const { prompt, updates } = await openAgent();
    const turn = prompt("```sh continue\necho one; exit 4\n```\n```sh\nexit 3\n```\n```write never.txt\n```");
    await expect(turn).rejects.toThrow("Step 2 failed with exit code 3");
    expect(toolUpdates(updates).filter((update) => update.status === "failed")).toMatchObject([
      { rawOutput: { exitCode: 4 } },
      { rawOutput: { exitCode: 3 } },
    ]);
    expect(textIn(lastTool(updates)?.content)).toBe("(no output)");
    expect(said(updates)).toEqual(["Step 2 failed with exit code 3. The step after it did not run."]);
    expect(existsSync(join(cwd, "never.txt"))).toBe(false);
  });

  it("continues after failures where the script allows it, and says so at the end", async () => {
    const { prompt, updates } = await openAgent();
    expect((await prompt("```sh continue\nexit 4\n```\n```say on```")).stopReason).toBe("end_turn");
    expect(said(updates).at(-1)).toBe(
      "Ran 2 steps. Step 1 failed with exit code 4. The script allowed it to continue.",
    );
  });

  it("streams exactly the words that were asked for", async () => {
    const { prompt, updates } = await openAgent();
    await prompt("```stream 2000```");
    expect(said(updates)[0]).toBe(fillerText(2000));
    expect(updates.length).toBeGreaterThan(600);
  });

  it("shows a command's output while it runs, and keeps both ends of a long one", async () => {
    const { prompt, updates } = await openAgent();
    const turn = prompt("```sh\necho begin; while [ ! -e go ]; do sleep 0.02; done; seq 1 40000; echo end\n```");
    await vi.waitFor(() => expect(lastTool(updates)).toMatchObject({ status: "in_progress", content: [{}] }));
    expect(textIn(lastTool(updates)?.content)).toBe("begin\n");
    writeFileSync(join(cwd, "go"), "");
    await turn;
    expect(textIn(lastTool(updates)?.content)).toMatch(
      /^begin\n1\n2\n[^]*\n\[… \d+ characters left out …\]\n[^]*\n40000\nend\n$/,
    );
    expect(textIn(lastTool(updates)?.content).length).toBeLessThan(65_000);
  });

  it("explains itself when there is nothing to run", async () => {
    const { prompt, updates } = await openAgent();
    expect((await prompt("Please refactor everything.")).stopReason).toBe("end_turn");
    expect(said(updates)[0]).toMatch(/no model.*```sh/s);
  });

  it("refuses a malformed script whole and says where it is wrong", async () => {
    const { prompt, updates } = await openAgent();
    await expect(prompt("```write a.txt\nx\n```\n```wait soon```")).rejects.toThrow(/line 4: `wait` needs a duration/);
    expect(said(updates)[0]).toMatch(/^Nothing was run/);
    expect(existsSync(join(cwd, "a.txt"))).toBe(false);
  });

  it("[F40] cancel ends a running command with all that it started, and the turn as cancelled", async () => {
    const { prompt, cancel, updates } = await openAgent();
    const turn = prompt("```sh\nsleep 600 & echo $! > child; echo $$ > parent; wait\n```\n```say never```");
    const pids = await vi.waitFor(() =>
      ["child", "parent"].map((name) => Number(readFileSync(join(cwd, name), "utf8").trim() || NaN)),
    );
    expect(pids.every(isAlive)).toBe(true);
    await cancel();
    expect((await turn).stopReason).toBe("cancelled");
    expect(lastTool(updates)).toMatchObject({ status: "failed", rawOutput: { end: "cancelled", exitCode: null } });
    expect(textIn(lastTool(updates)?.content)).toBe("[cancelled]\n");
    await vi.waitFor(() => expect(pids.some(isAlive)).toBe(false));
    expect(said(updates)).toEqual([]);
    expect((await prompt("```say again```")).stopReason).toBe("end_turn");
  });

  it("a time limit ends a command that ignores the polite signal", async () => {
    const { prompt, updates } = await openAgent();
    const turn = prompt("```sh timeout=200ms\ntrap '' TERM; while :; do sleep 0.05; done\n```");
    await expect(turn).rejects.toThrow("took longer than 200 ms");
    expect(lastTool(updates)).toMatchObject({ status: "failed", rawOutput: { end: "timed-out" } });
    expect(said(updates)).toEqual(["Step 1 took longer than 200 ms and was stopped."]);
  });

  it("leaves nothing of a command behind that put something into the background", async () => {
    const { prompt } = await openAgent();
    await prompt("```sh\nsleep 600 & echo $! > child\n```");
    const pid = Number(readFileSync(join(cwd, "child"), "utf8"));
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it("[F40] a killed agent takes its running command along", async () => {
    const { prompt, child, exited } = await openAgent();
    prompt("```sh\nsleep 600 & echo $! > child; wait\n```").catch(() => {});
    const pid = await vi.waitFor(() => Number(readFileSync(join(cwd, "child"), "utf8").trim() || NaN));
    child.kill("SIGKILL");
    await exited;
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it("the end of its input stops what runs and ends the process", async () => {
    const { prompt, child, exited } = await openAgent();
    prompt("```sh\nsleep 600 & echo $! > child; wait\n```").catch(() => {});
    const pid = await vi.waitFor(() => Number(readFileSync(join(cwd, "child"), "utf8").trim() || NaN));
    child.stdin.end();
    expect(await exited).toBe(0);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it("fail ends the turn with an error that carries the reason", async () => {
    const { prompt, updates } = await openAgent();
    await expect(prompt("```say first```\n```fail the kettle is dry```\n```say never```")).rejects.toThrow(
      "the kettle is dry",
    );
    expect(said(updates)).toEqual(["first"]);
  });

  it("a command in the background outlives the answer, and its end is reported", async () => {
    const { prompt, updates, child, exited } = await openAgent();
    const background = "```background\nuntil [ -e go ]; do sleep 0.02; done; echo brewed\n```";
    expect((await prompt(`${background}\n\`\`\`say first\`\`\``)).stopReason).toBe("end_turn");
    expect(lastTool(updates)).toMatchObject({ status: "in_progress" });
    writeFileSync(join(cwd, "go"), "");
    await vi.waitFor(() => expect(said(updates).at(-1)).toBe("The command in the background is done."));
    expect(lastTool(updates)).toMatchObject({ status: "completed", rawOutput: { exitCode: 0 } });
    expect(textIn(lastTool(updates)?.content)).toBe("brewed\n");
    await prompt("```background\nsleep 600 & echo $! > child; wait\n```");
    const pid = await vi.waitFor(() => Number(readFileSync(join(cwd, "child"), "utf8").trim() || NaN));
    child.stdin.end();
    expect(await exited).toBe(0);
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  it("[F39] killed within a script, it takes the session up again where it was; a turn that is over is forgotten", async () => {
    const first = await openAgent();
    expect(first.hello.agentCapabilities?.sessionCapabilities).toMatchObject({ resume: {} });
    const script =
      "```sh\necho one >> ran\n```\n```sh\necho two >> ran; until [ -e go ]; do sleep 0.02; done\n```\n```sh\necho three >> ran\n```";
    first.prompt(script).catch(() => {});
    await vi.waitFor(() => expect(readFileSync(join(cwd, "ran"), "utf8")).toContain("two"));
    first.child.kill("SIGKILL");
    await first.exited;
    writeFileSync(join(cwd, "go"), "");
    const { sessionId } = first;
    const second = await openAgent(undefined, { from: "resume", session: sessionId });
    expect((await second.prompt("Go on.")).stopReason).toBe("end_turn");
    expect(readFileSync(join(cwd, "ran"), "utf8")).toBe("one\ntwo\ntwo\nthree\n");
    expect(said(second.updates)).toEqual(["Ran 3 steps; all succeeded."]);
    await expect(openAgent(undefined, { from: "resume", session: sessionId })).rejects.toThrow();
  });

  it("[F39] an agent that leaves within a script can be resumed too", async () => {
    const first = await openAgent();
    first.prompt("```sh\ntouch begun; sleep 600\n```").catch(() => {});
    await vi.waitFor(() => expect(existsSync(join(cwd, "begun"))).toBe(true));
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    await openAgent(undefined, { from: "resume", session: first.sessionId });
  });

  it("[F39] where the script says so, it replays the session instead", async () => {
    const recall = { SCRIPT_AGENT_RECALL: "load" };
    const first = await openAgent(undefined, recall);
    await expect(first.prompt("```say Before.```\n```crash once```\n```say After.```")).rejects.toThrow();
    const second = await openAgent(undefined, { ...recall, from: "load", session: first.sessionId });
    expect(said(second.updates)).toEqual(["Before."]);
    await second.prompt("Go on.");
    expect(said(second.updates)).toEqual(["Before.", "After.", "Ran 3 steps; all succeeded."]);
    expect(second.hello.agentCapabilities).toMatchObject({ loadSession: true });
  });

  it("in its asking mode each command asks first", async () => {
    const { prompt, setMode, updates } = await openAgent({ outcome: "selected", optionId: "reject" });
    await expect(setMode("reckless")).rejects.toThrow("no mode reckless");
    await setMode("ask");
    await expect(prompt("```sh\ntrue\n```")).rejects.toThrow("was refused permission");
    expect(textIn(lastTool(updates)?.content)).toBe("Permission was refused.");
  });

  it("[F39] crash ends the process with a word on standard error", async () => {
    const { prompt, exited, stderr, updates } = await openAgent();
    await expect(prompt("```say last words```\n```crash out of water```")).rejects.toThrow();
    expect(await exited).toBe(1);
    expect(stderr()).toContain("script-agent: out of water");
    expect(said(updates)).toEqual(["last words"]);
  });

  it("[F40] hang is silent until it is cancelled", async () => {
    const { prompt, cancel, updates } = await openAgent();
    const turn = prompt("```say before```\n```hang```");
    await vi.waitFor(() => expect(said(updates)).toEqual(["before"]));
    await cancel();
    expect((await turn).stopReason).toBe("cancelled");
  });

  it("runs the turns of a session one after the other, and cancel ends the waiting ones too", async () => {
    const { prompt, cancel, updates } = await openAgent();
    const [first, second] = [prompt("```say one```\n```hang```"), prompt("```say two```")];
    await vi.waitFor(() => expect(said(updates)).toEqual(["one"]));
    await cancel();
    expect([(await first).stopReason, (await second).stopReason]).toEqual(["cancelled", "cancelled"]);
    expect(said(updates)).toEqual(["one"]);
  });

  it.each([
    ["../outside.txt", /outside the working directory/],
    ["/etc/outside.txt", /outside the working directory/],
    ["link/outside.txt", /leads outside the working directory/],
    ["dangling", /leads outside the working directory/],
    ["directory", /no regular file/],
  ])("[S1] does not write to %s", async (path, why) => {
    symlinkSync(tmpdir(), join(cwd, "link"));
    symlinkSync(join(tmpdir(), "nothing-is-here"), join(cwd, "dangling"));
    mkdirSync(join(cwd, "directory"));
    const { prompt, updates } = await openAgent();
    await expect(prompt(`\`\`\`write ${path}\nx\n\`\`\``)).rejects.toThrow(why);
    expect(lastTool(updates)?.status).toBe("failed");
    expect(said(updates)[0]).toMatch(why);
    expect(existsSync(join(tmpdir(), "outside.txt"))).toBe(false);
  });

  it("asks for permission where the block says so, and takes no for an answer", async () => {
    const allowed = await openAgent({ outcome: "selected", optionId: "allow" });
    await allowed.prompt("```sh ask\ntouch allowed\n```");
    expect(existsSync(join(cwd, "allowed"))).toBe(true);
    const refused = await openAgent({ outcome: "selected", optionId: "reject" });
    await expect(refused.prompt("```sh ask\ntouch refused\n```")).rejects.toThrow("refused permission");
    expect(existsSync(join(cwd, "refused"))).toBe(false);
    expect(said(refused.updates)).toEqual(["Step 1 was refused permission."]);
  });
});
