/** A turn with a real agent's process: what it chooses, how it goes on after a crash, what it waits for, its setup. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HostLaunch } from "@samovar/contracts";
import { aLaunch, aToken, openHost, findSessionProcesses, scriptAgent, startStore } from "./host.testing.ts";
import type { TestStore } from "./host.testing.ts";

vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\``;
const script = (recall?: "load" | "none"): HostLaunch["agent"] => ({
  kind: "script",
  command: scriptAgent,
  env: recall === undefined ? {} : { SCRIPT_AGENT_RECALL: recall },
  gateway: null,
  secretEnv: false,
});

interface Given {
  readonly files?: Readonly<Record<string, string>>;
  readonly change?: Partial<HostLaunch>;
}

async function given(prompt: string, { files = {}, change = {} }: Given = {}) {
  const { directory, launch } = aLaunch("http://127.0.0.1:9", prompt, { agent: script(), ...change });
  const store = await startStore(launch.sessionId);
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, controlPlaneUrl: store.url }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(launch.cwd, name), text);
  cleanups.push(
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  const open = async () => {
    const host = await openHost(directory);
    cleanups.push(() => {
      host.send({ type: "cancel", reason: "" });
      host.send({ type: "dismiss" });
      return host.exited;
    });
    host.send(aToken());
    return host;
  };
  const log = () => readFileSync(join(directory, "host.log"), "utf8");
  return { launch, store, open, log, path: (name: string) => join(launch.cwd, name) };
}

/** Runs it to its end, and checks what is true of every end: all is final, stored as it was said, and nothing runs. */
async function run(prompt: string, options: Given = {}) {
  const session = await given(prompt, options);
  const host = await session.open();
  const status = await host.until(({ phase, drained }) => phase === "ended" && drained);
  expect(status.digest).toEqual(session.store.digest());
  expect(session.store.conflicts).toBe(0);
  expect(session.store.transcript().every((message) => message.final)).toBe(true);
  expect(findSessionProcesses(session.launch.sessionId)).toEqual([]);
  if (status.end === null) throw new Error("an ended host tells its end");
  return { ...session, status, end: status.end };
}

const texts = (store: TestStore, kind = "text") =>
  store
    .transcript()
    .filter((message) => message.kind === kind)
    .map((message) => message.content);
const tools = (store: TestStore) => store.transcript().flatMap(({ toolMetadata }) => toolMetadata ?? []);

describe("[F39] an agent that dies within its turn", () => {
  for (const recall of ["resume", "load"] as const) {
    it(`is started once more and goes on (${recall}); nothing is said twice`, async () => {
      const prompt = [
        fence("say", "Before."),
        fence("sh", "echo one >> ran"),
        fence("crash once", "out of water"),
        fence("sh", "echo two >> ran"),
        fence("say", "After."),
      ].join("\n");
      const { end, store, path } = await run(prompt, recall === "load" ? { change: { agent: script("load") } } : {});
      expect(end).toMatchObject({ outcome: "clean", restarts: 1, failure: null });
      expect(readFileSync(path("ran"), "utf8")).toBe("one\ntwo\n");
      expect(texts(store)).toEqual(["Before.", "After.", "Ran 5 steps; all succeeded."]);
      expect(tools(store)).toHaveLength(2);
      expect(texts(store, "notice")).toEqual([
        expect.stringMatching(/exit code 1.*started again.*last words: .*out of water/),
      ]);
    });
  }

  it("a tool call in flight is closed as interrupted, and its command is ended before the agent goes on", async () => {
    const { end, store, path } = await run(
      fence(
        "sh",
        [
          "echo $$ >> pids",
          // The first time it kills the agent, its parent, and hangs; the second time it is done.
          '[ "$(wc -l < pids)" -gt 1 ] && exit 0',
          "kill -9 $PPID",
          "sleep 600",
        ].join("\n"),
      ),
    );
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(store.transcript().filter(({ kind, interrupted }) => kind === "tool" && interrupted)).toHaveLength(1);
    expect(readFileSync(path("pids"), "utf8").trim().split("\n")).toHaveLength(2);
  });

  it("[F40] leaves nothing that works beside its second life, wherever it hid", async () => {
    const stray =
      "setsid sh -c 'echo $$ > stray; exec sleep 600' > /dev/null 2>&1 < /dev/null & until [ -s stray ]; do :; done";
    const look = 'grep -qs "^State:[[:space:]]*[RSDT]" "/proc/$(cat stray)/status" && echo alive || echo gone';
    const { end, store } = await run([fence("sh", stray), fence("crash once"), fence("sh", look)].join("\n"));
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(tools(store).at(-1)).toMatchObject({ output: "gone\n" });
  });

  it("[F40] under the limit of the whole session, which runs over both lives", async () => {
    const { end } = await run([fence("crash once"), fence("hang")].join("\n"), { change: { maxDurationMs: 4000 } });
    expect(end).toMatchObject({ outcome: "timeout", restarts: 1, failure: { code: "session_too_long" } });
  });

  it("twice has failed, with its last words", async () => {
    const { end } = await run([fence("say", "So far."), fence("crash", "out of water")].join("\n"));
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1, failure: { code: "agent_crashed" } });
    expect(end.failure?.message).toMatch(/exit code 1.*started again once already.*last words: .*out of water/s);
  });

  it("and that cannot take a session up again has failed at once", async () => {
    const { end, store } = await run(fence("crash once"), { change: { agent: script("none") } });
    expect(end).toMatchObject({ outcome: "crashed", restarts: 0, failure: { code: "agent_crashed" } });
    expect(texts(store, "notice")).toEqual([]);
  });

  it("and does not know its session any more has failed with both reasons", async () => {
    const forget = fence("sh", "rm -rf ~/.samovar-script-agent; kill -9 $PPID; sleep 600");
    const { end } = await run(forget);
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1, failure: { code: "agent_crashed" } });
    expect(end.failure?.message).toMatch(/SIGKILL.*could not take up its session: \S/);
  });

  it("[F46] under a cancel is not started again", async () => {
    const session = await given(fence("sh", "trap '' TERM; touch begun; sleep 600"));
    const host = await session.open();
    await vi.waitFor(() => expect(existsSync(session.path("begun"))).toBe(true));
    host.send({ type: "cancel", reason: "Enough." });
    await vi.waitFor(() => expect(session.log()).toContain("session.stop_requested"));
    for (const pid of findSessionProcesses(session.launch.sessionId)) process.kill(pid, "SIGKILL");
    const { end } = await host.until(({ phase }) => phase === "ended");
    expect(end).toMatchObject({ outcome: "cancelled", restarts: 0, failure: { message: "Enough." } });
  });

  it("an error that ends the turn is no crash: the agent's words, and no restart", async () => {
    const { end } = await run(fence("fail", "the model is overloaded"));
    expect(end).toMatchObject({ outcome: "error", restarts: 0, failure: { code: "agent_error" } });
    expect(end.failure?.message).toContain("the model is overloaded");
  });
});

describe("[R15] what a person chooses", () => {
  it("the offers are told, and the mode is set before the prompt", async () => {
    const { end, status, store } = await run(fence("sh", "true"), { change: { permissionMode: "ask" } });
    expect(status.capabilities).toEqual({
      models: [],
      modes: [
        { id: "default", name: "As written", description: expect.any(String) },
        { id: "ask", name: "Ask", description: expect.any(String) },
      ],
    });
    // It asked, and what names no place outside is allowed.
    expect(end.outcome).toBe("clean");
    expect(tools(store)).toMatchObject([{ status: "success" }]);
  });

  it("is not offered: the session ends before the prompt and tells what is", async () => {
    const { end, status, store } = await run(fence("say", "never"), { change: { permissionMode: "yolo" } });
    expect(end).toMatchObject({ outcome: "error", failure: { code: "agent_choice_unknown" } });
    expect(end.failure?.message).toContain("default, ask");
    expect(status.startedAt).toBeNull();
    expect(store.transcript()).toEqual([]);
    const model = await run(fence("say", "never"), { change: { model: "opus" } });
    expect(model.end).toMatchObject({ failure: { code: "agent_choice_unknown" } });
  });

  it("a model that its recipe hands over in the environment need not be offered", async () => {
    const agent = { ...script(), env: { TEA_MODEL: "{model}" } };
    const { end, store } = await run(fence("sh", "echo model=$TEA_MODEL"), { change: { agent, model: "oolong" } });
    expect(end.outcome).toBe("clean");
    expect(tools(store)).toMatchObject([{ output: "model=oolong\n" }]);
  });
});

describe("background work that outlives the answer", () => {
  it("is waited for, and so is what the agent says of it", async () => {
    const { end, store } = await run(
      [fence("background", "sleep 0.4; echo brewed"), fence("say", "Meanwhile.")].join("\n"),
    );
    expect(end).toMatchObject({ outcome: "clean", stopReason: "end_turn" });
    expect(tools(store)).toMatchObject([{ status: "success", output: "brewed\n" }]);
    expect(texts(store)).toEqual([
      "Meanwhile.",
      "Ran 2 steps; all succeeded.",
      "The command in the background is done.",
    ]);
    expect(end.summary).toBe("The command in the background is done.");
  });

  it("is not waited for without end: after the limit of silence the answer stands, and the transcript tells", async () => {
    const { end, store } = await run(fence("background", "sleep 600"), { change: { idleTimeoutMs: 500 } });
    expect(end).toMatchObject({ outcome: "clean", stopReason: "end_turn" });
    expect(texts(store, "notice")).toEqual([expect.stringContaining("in the background said nothing")]);
    expect(store.transcript().find(({ kind }) => kind === "tool")).toMatchObject({ interrupted: true });
  });

  it("[F47] the whole duration bounds it too, and a cancel ends it at once", async () => {
    const noisy = fence("background", "while :; do echo more; sleep 0.1; done");
    const { end } = await run(noisy, { change: { maxDurationMs: 1500 } });
    expect(end).toMatchObject({ outcome: "timeout", failure: { code: "session_too_long" } });
    const session = await given(fence("background", "touch begun; sleep 600"));
    const host = await session.open();
    await vi.waitFor(() => expect(existsSync(session.path("begun"))).toBe(true));
    host.send({ type: "cancel", reason: "Enough." });
    const cancelled = await host.until(({ phase }) => phase === "ended");
    expect(cancelled.end).toMatchObject({ outcome: "cancelled" });
    expect(findSessionProcesses(session.launch.sessionId)).toEqual([]);
  });

  it("[F39] an agent that dies over it goes on in another life", async () => {
    const prompt = fence("background", "sleep 0.3; kill -9 $PPID; sleep 600");
    const { end } = await run(prompt);
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1 });
    expect(end.failure?.message).toContain("SIGKILL");
  });
});

describe("samovar.setup", () => {
  it("runs once before the agent, with its environment but no gateway and no secret; its output is one tool message", async () => {
    const setup = "echo steeping; echo $HOME > where; env > env; echo oops >&2; echo ran >> setups";
    const { end, store, path, launch } = await run(
      [fence("sh", "cat where"), fence("crash once"), fence("say", "On.")].join("\n"),
      {
        files: { "samovar.setup": setup },
      },
    );
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(readFileSync(path("setups"), "utf8")).toBe("ran\n");
    expect(store.transcript()[0]).toMatchObject({
      kind: "tool",
      content: "samovar.setup",
      toolMetadata: {
        toolCallId: "samovar.setup",
        tool: "setup",
        title: "samovar.setup",
        status: "success",
        exitCode: 0,
        output: "steeping\noops\n",
      },
    });
    expect(tools(store)[1]).toMatchObject({ output: `${launch.home}\n` });
    expect(readFileSync(path("env"), "utf8")).not.toMatch(/KEY|TOKEN/);
  });

  it("runs as the program that it is when it is executable", async () => {
    const session = await given(fence("sh", "cat made"));
    writeFileSync(
      session.path("samovar.setup"),
      `#!${process.execPath}\nrequire("fs").writeFileSync("made", "by node");\n`,
    );
    chmodSync(session.path("samovar.setup"), 0o755);
    const host = await session.open();
    expect((await host.until(({ phase }) => phase === "ended")).end).toMatchObject({ outcome: "clean" });
    expect(tools(session.store).at(-1)).toMatchObject({ output: "by node\n" });
  });

  it("failing ends the session with its last lines, before the agent is started", async () => {
    const { end, store, status } = await run(fence("say", "never"), {
      files: { "samovar.setup": "seq 100; echo no water >&2; exit 7" },
    });
    expect(end).toMatchObject({ outcome: "error", failure: { code: "setup_failed" } });
    expect(end.failure?.message).toMatch(/exit code 7\. Its last lines:\n82\n[\s\S]*100\nno water$/);
    expect(status.startedAt).toBeNull();
    expect(store.transcript()).toMatchObject([{ kind: "tool", toolMetadata: { status: "error", exitCode: 7 } }]);
  });

  it("taking too long, or being cancelled, is ended with all that it started; the clock of silence does not run", async () => {
    const stubborn = "trap '' TERM; echo hot; sleep 600 & wait";
    const tooLong = await run(fence("say", "never"), {
      files: { "samovar.setup": stubborn },
      change: { setupTimeoutMs: 400, idleTimeoutMs: 50 },
    });
    expect(tooLong.end).toMatchObject({ outcome: "error", failure: { code: "setup_failed" } });
    expect(tooLong.end.failure?.message).toMatch(/longer than its limit of 0.4 s[\s\S]*hot/);
    const session = await given(fence("say", "never"), { files: { "samovar.setup": "touch begun; sleep 600" } });
    const host = await session.open();
    await vi.waitFor(() => expect(existsSync(session.path("begun"))).toBe(true));
    host.send({ type: "cancel", reason: "Enough." });
    const { end } = await host.until(({ phase }) => phase === "ended");
    expect(end).toMatchObject({ outcome: "cancelled", failure: { message: "Enough." } });
    expect(findSessionProcesses(session.launch.sessionId)).toEqual([]);
  });

  it("may leave a service running that the agent uses, over a restart too; it ends with the session", async () => {
    const setup = "(while :; do date > tick; sleep 0.1; done) & until [ -e tick ]; do sleep 0.02; done";
    const use = fence("sh timeout=5s", "rm -f tick; until [ -e tick ]; do sleep 0.02; done; echo serving >> served");
    const { end, path } = await run([use, fence("crash once"), use].join("\n"), { files: { "samovar.setup": setup } });
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(readFileSync(path("served"), "utf8")).toBe("serving\nserving\n");
  });

  it("[F36] long output keeps both ends, and a file that leads out of the checkout is not run", async () => {
    const long = await run(fence("say", "on"), { files: { "samovar.setup": "echo begin; seq 40000; echo end" } });
    expect(tools(long.store)[0]?.output).toMatch(/^begin\n1\n[\s\S]*characters left out[\s\S]*40000\nend\n$/);
    const outside = await given(fence("say", "never"));
    mkdirSync(join(outside.launch.home, "elsewhere"));
    writeFileSync(join(outside.launch.home, "elsewhere/evil"), "touch ran");
    symlinkSync(join(outside.launch.home, "elsewhere/evil"), outside.path("samovar.setup"));
    const host = await outside.open();
    const { end } = await host.until(({ phase }) => phase === "ended");
    expect(end).toMatchObject({
      failure: { code: "setup_failed", message: expect.stringContaining("out of the checkout") },
    });
    expect(existsSync(outside.path("ran"))).toBe(false);
  });
});
