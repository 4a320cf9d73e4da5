/** A turn with a real agent process: config options, restarts, background work, and the set-up script. */
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
const script = (resume?: "load" | "none"): HostLaunch["agent"] => ({
  kind: "script",
  command: scriptAgent,
  env: resume === undefined ? {} : { SCRIPT_AGENT_RECALL: resume },
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
      host.send({ type: "shutdown" });
      return host.exited;
    });
    host.send(aToken());
    return host;
  };
  const log = () => readFileSync(join(directory, "host.log"), "utf8");
  return { launch, store, open, log, path: (name: string) => join(launch.cwd, name) };
}

/** Runs a session to its end, and checks what holds for every end: all messages are final and stored, and nothing runs. */
async function run(prompt: string, options: Given = {}) {
  const session = await given(prompt, options);
  const host = await session.open();
  const status = await host.until(({ phase, drained }) => phase === "ended" && drained);
  expect(status.digest).toEqual(session.store.digest());
  expect(session.store.conflicts).toBe(0);
  expect(session.store.transcript().every((message) => message.final)).toBe(true);
  // Those that were killed last may still be dying.
  await vi.waitFor(() => expect(findSessionProcesses(session.launch.sessionId)).toEqual([]));
  if (status.end === null) throw new Error("the ended host reports no end");
  return { ...session, status, end: status.end };
}

const texts = (store: TestStore, kind = "text") =>
  store
    .transcript()
    .filter((message) => message.kind === kind)
    .map((message) => message.content);
const tools = (store: TestStore) => store.transcript().flatMap(({ toolMetadata }) => toolMetadata ?? []);

describe("[F39] an agent that is lost during its turn", () => {
  for (const resume of ["resume", "load"] as const) {
    it(`is restarted once and continues (${resume}) without duplicate messages`, async () => {
      const prompt = [
        fence("say", "Before."),
        fence("sh", "echo one >> ran"),
        fence("crash once", "out of water"),
        fence("sh", "echo two >> ran"),
        fence("say", "After."),
      ].join("\n");
      const { end, store, path } = await run(prompt, resume === "load" ? { change: { agent: script("load") } } : {});
      expect(end).toMatchObject({ outcome: "clean", restarts: 1, failure: null });
      expect(readFileSync(path("ran"), "utf8")).toBe("one\ntwo\n");
      expect(texts(store)).toEqual(["Before.", "After.", "Ran 5 steps; all succeeded."]);
      expect(tools(store)).toHaveLength(2);
      expect(texts(store, "notice")).toEqual([
        expect.stringMatching(/exit code 1.*restarted.*last output: .*out of water/),
      ]);
    });
  }

  it("has its tool call in flight marked as interrupted, and the command ended before the restart", async () => {
    const { end, store, path } = await run(
      fence(
        "sh",
        [
          "echo $$ >> pids",
          // The first run kills the agent, its parent, and hangs; the second run exits.
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

  it("[F40] leaves no process running beside the restarted agent", async () => {
    const leaveProcess =
      "setsid sh -c 'echo $$ > leftover; exec sleep 600' > /dev/null 2>&1 < /dev/null & until [ -s leftover ]; do :; done";
    const checkProcess =
      'grep -qs "^State:[[:space:]]*[RSDT]" "/proc/$(cat leftover)/status" && echo alive || echo gone';
    const { end, store } = await run(
      [fence("sh", leaveProcess), fence("crash once"), fence("sh", checkProcess)].join("\n"),
    );
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(tools(store).at(-1)).toMatchObject({ output: "gone\n" });
  });

  it("[F40] is ended at the session's time limit, which includes the restart", async () => {
    const { end } = await run([fence("crash once"), fence("hang")].join("\n"), { change: { maxDurationMs: 4000 } });
    expect(end).toMatchObject({ outcome: "timeout", restarts: 1, failure: { code: "session_too_long" } });
  });

  it("fails when it is lost twice, with the tail of its stderr", async () => {
    const { end } = await run([fence("say", "So far."), fence("crash", "out of water")].join("\n"));
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1, failure: { code: "agent_crashed" } });
    expect(end.failure?.message).toMatch(/exit code 1.*restarted once already.*last output: .*out of water/s);
  });

  it("fails at once when it cannot resume its session", async () => {
    const { end, store } = await run(fence("crash once"), { change: { agent: script("none") } });
    expect(end).toMatchObject({ outcome: "crashed", restarts: 0, failure: { code: "agent_crashed" } });
    expect(texts(store, "notice")).toEqual([]);
  });

  it("fails with both reasons when it no longer knows its session", async () => {
    const forget = fence("sh", "rm -rf ~/.samovar-script-agent; kill -9 $PPID; sleep 600");
    const { end } = await run(forget);
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1, failure: { code: "agent_crashed" } });
    expect(end.failure?.message).toMatch(/SIGKILL.*could not resume its session: \S/);
  });

  it("[F46] is not restarted after a cancel", async () => {
    const session = await given(fence("sh", "trap '' TERM; touch begun; sleep 600"));
    const host = await session.open();
    await vi.waitFor(() => expect(existsSync(session.path("begun"))).toBe(true));
    host.send({ type: "cancel", reason: "Enough." });
    await vi.waitFor(() => expect(session.log()).toContain("session.stop_requested"));
    for (const pid of findSessionProcesses(session.launch.sessionId)) process.kill(pid, "SIGKILL");
    const { end } = await host.until(({ phase }) => phase === "ended");
    expect(end).toMatchObject({ outcome: "cancelled", restarts: 0, failure: { message: "Enough." } });
  });

  it("is not restarted when an error ends its turn, and has its message reported", async () => {
    const { end } = await run(fence("fail", "the model is overloaded"));
    expect(end).toMatchObject({ outcome: "error", restarts: 0, failure: { code: "agent_error" } });
    expect(end.failure?.message).toContain("the model is overloaded");
  });
});

describe("[R15] a chosen config option", () => {
  it("is set before the prompt, and the agent's capabilities are reported", async () => {
    const { end, status, store } = await run(fence("sh", "true"), { change: { permissionMode: "ask" } });
    expect(status.capabilities).toEqual({
      models: [],
      modes: [
        { id: "default", name: "As written", description: expect.any(String) },
        { id: "ask", name: "Ask", description: expect.any(String) },
      ],
    });
    // The agent asked for permission, which is granted unless a path is outside the workspace.
    expect(end.outcome).toBe("clean");
    expect(tools(store)).toMatchObject([{ status: "success" }]);
  });

  it("ends the session before the prompt with a list of the offered values when it is not offered", async () => {
    const { end, status, store } = await run(fence("say", "never"), { change: { permissionMode: "yolo" } });
    expect(end).toMatchObject({ outcome: "error", failure: { code: "agent_choice_unknown" } });
    expect(end.failure?.message).toContain("default, ask");
    expect(status.startedAt).toBeNull();
    expect(store.transcript()).toEqual([]);
    const model = await run(fence("say", "never"), { change: { model: "opus" } });
    expect(model.end).toMatchObject({ failure: { code: "agent_choice_unknown" } });
  });

  it("need not be offered when it is a model that the recipe passes in the environment", async () => {
    const agent = { ...script(), env: { TEA_MODEL: "{model}" } };
    const { end, store } = await run(fence("sh", "echo model=$TEA_MODEL"), { change: { agent, model: "oolong" } });
    expect(end.outcome).toBe("clean");
    expect(tools(store)).toMatchObject([{ output: "model=oolong\n" }]);
  });
});

describe("background work that outlives the answer", () => {
  it("is awaited, and so are the agent's messages about it", async () => {
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

  it("is awaited until the idle timeout; then the answer stands, and a notice reports it", async () => {
    const { end, store } = await run(fence("background", "sleep 600"), { change: { idleTimeoutMs: 500 } });
    expect(end).toMatchObject({ outcome: "clean", stopReason: "end_turn" });
    expect(texts(store, "notice")).toEqual([expect.stringContaining("background work sent nothing")]);
    expect(store.transcript().find(({ kind }) => kind === "tool")).toMatchObject({ interrupted: true });
  });

  it("[F47] is limited by the session's duration too, and ended at once by a cancel", async () => {
    const noisy = fence("background", "while :; do echo more; sleep 0.1; done");
    const { end } = await run(noisy, { change: { maxDurationMs: 1500 } });
    expect(end).toMatchObject({ outcome: "timeout", failure: { code: "session_too_long" } });
    const session = await given(fence("background", "touch begun; sleep 600"));
    const host = await session.open();
    await vi.waitFor(() => expect(existsSync(session.path("begun"))).toBe(true));
    host.send({ type: "cancel", reason: "Enough." });
    const cancelled = await host.until(({ phase }) => phase === "ended");
    expect(cancelled.end).toMatchObject({ outcome: "cancelled" });
    await vi.waitFor(() => expect(findSessionProcesses(session.launch.sessionId)).toEqual([]));
  });

  it("[F39] leads to a restart when the agent is lost during it", async () => {
    const prompt = fence("background", "sleep 0.3; kill -9 $PPID; sleep 600");
    const { end } = await run(prompt);
    expect(end).toMatchObject({ outcome: "crashed", restarts: 1 });
    expect(end.failure?.message).toContain("SIGKILL");
  });
});

describe("samovar.setup", () => {
  it("runs once before the agent, with its environment but without gateway and secrets; its output is one tool message", async () => {
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

  it("is executed directly when it is executable", async () => {
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

  it("ends the session with its last lines when it fails, before the agent is started", async () => {
    const { end, store, status } = await run(fence("say", "never"), {
      files: { "samovar.setup": "seq 100; echo no water >&2; exit 7" },
    });
    expect(end).toMatchObject({ outcome: "error", failure: { code: "setup_failed" } });
    expect(end.failure?.message).toMatch(/exit code 7\. Its last lines:\n82\n[\s\S]*100\nno water$/);
    expect(status.startedAt).toBeNull();
    expect(store.transcript()).toMatchObject([{ kind: "tool", toolMetadata: { status: "error", exitCode: 7 } }]);
  });

  it("is ended with all its processes when it takes too long or is cancelled; the idle timeout does not apply", async () => {
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
    await vi.waitFor(() => expect(findSessionProcesses(session.launch.sessionId)).toEqual([]));
  });

  it("may leave a service running for the agent, which survives a restart and ends with the session", async () => {
    const setup = "(while :; do date > tick; sleep 0.1; done) & until [ -e tick ]; do sleep 0.02; done";
    const use = fence("sh timeout=5s", "rm -f tick; until [ -e tick ]; do sleep 0.02; done; echo serving >> served");
    const { end, path } = await run([use, fence("crash once"), use].join("\n"), { files: { "samovar.setup": setup } });
    expect(end).toMatchObject({ outcome: "clean", restarts: 1 });
    expect(readFileSync(path("served"), "utf8")).toBe("serving\nserving\n");
  });

  it("[F36] keeps both ends of long output, and is not run when it is a link out of the checkout", async () => {
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
