import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { HostLaunch } from "@samovar/contracts";
import { aLaunch, aToken, startHost, startStore } from "./host.testing.ts";
import type { RunningHost, TestStore } from "./host.testing.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

async function given(prompt: string, change: Partial<HostLaunch> = {}) {
  const { directory, launch } = aLaunch("http://127.0.0.1:9", prompt, change);
  const store = await startStore(launch.sessionId);
  writeFileSync(join(directory, "host.json"), JSON.stringify({ ...launch, controlPlaneUrl: store.url }));
  cleanups.push(
    () => store.close(),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  return { directory, launch, store };
}

async function host(directory: string, env?: Record<string, string>): Promise<RunningHost> {
  const running = await startHost(directory, env);
  cleanups.push(() => running.child.kill("SIGKILL"));
  return running;
}

/** A zombie does not count as running. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\``;
const kinds = (store: TestStore) => store.transcript().map((message) => message.kind);

describe("a session", () => {
  it("[R3] runs the agent to its end; the store has all messages in order, and the digest agrees", async () => {
    const { directory, store } = await given(
      [
        fence("think", "Let me see."),
        fence("say", "Hello there."),
        fence("write a.txt", "one"),
        fence("sh", "echo out; exit 0"),
      ].join("\n"),
    );
    const running = await host(directory);
    const first = await running.until(() => true);
    expect(first).toMatchObject({ phase: "starting", end: null, needsToken: false });
    running.send(aToken());
    const ended = await running.until((status) => status.phase === "ended" && status.drained);
    expect(ended).toMatchObject({
      end: { outcome: "clean", stopReason: "end_turn", failure: null },
      outbox: { pending: 0, deadLetters: 0 },
    });
    expect(ended.startedAt).toBeGreaterThan(0);
    expect(ended.digest).toEqual(store.digest());
    expect(ended.end?.summary).toBeTruthy();
    const transcript = store.transcript();
    expect(transcript.every((message) => message.final && !message.interrupted)).toBe(true);
    expect(kinds(store).filter((kind) => kind === "tool")).toHaveLength(2);
    const tools = transcript.filter((message) => message.kind === "tool").map((message) => message.toolMetadata);
    expect(tools[0]).toMatchObject({ status: "success", diffs: [{ newText: expect.stringContaining("one") }] });
    expect(tools[1]).toMatchObject({ status: "success", output: expect.stringContaining("out") });
    expect(transcript.some((message) => message.kind === "text" && message.content.includes("Hello there."))).toBe(
      true,
    );

    expect(ended.closed).toBe(false);
    running.send({ type: "close", notice: "Pushed." });
    running.send({ type: "close", notice: "Pushed." });
    const closed = await running.until((status) => status.closed && status.drained);
    expect(closed.digest.count).toBe(ended.digest.count + 1);
    expect(closed.digest).toEqual(store.digest());
    running.send({ type: "close", notice: "Too late." });
    running.send({ type: "shutdown" });
    expect(await running.exited).toBe(0);
    expect(
      store
        .transcript()
        .filter((message) => message.kind === "notice")
        .map((message) => message.content),
    ).toEqual(["Pushed."]);
    expect(existsSync(join(directory, "host.sock"))).toBe(false);
  });

  it("logs each stage of the agent in order at LOG_LEVEL=debug only", async () => {
    const stages = async (env: Record<string, string>) => {
      const { directory } = await given(fence("say", "Hello."));
      const running = await host(directory, env);
      running.send(aToken());
      await running.until((status) => status.phase === "ended");
      const lines = readFileSync(join(directory, "host.log"), "utf8").trimEnd().split("\n");
      return lines.map((line) => String(JSON.parse(line).event));
    };
    expect(await stages({ LOG_LEVEL: "debug" })).toEqual([
      "host.opened",
      "token.received",
      "agent.spawned",
      "agent.initialized",
      "agent.session_opened",
      "agent.prompted",
      "agent.responded",
      "agent.answered",
      "agent.exited",
      "session.ended",
    ]);
    expect(await stages({})).toEqual(["host.opened", "session.ended"]);
  });

  it("runs samovar.setup, the agent and its children at a lower CPU priority than the host", async () => {
    const { directory, launch, store } = await given(fence("sh", "nice"));
    writeFileSync(join(launch.cwd, "samovar.setup"), "nice\n");
    const running = await host(directory);
    running.send(aToken());
    await running.until((status) => status.phase === "ended" && status.drained);
    const outputs = store.transcript().flatMap(({ toolMetadata }) => toolMetadata?.output?.trim() ?? []);
    const lower = String(getPriority(running.child.pid) + 5);
    expect(outputs).toEqual([lower, lower]);
  });

  it("[R5] loses no message when the host is killed in mid-stream, marks the one in flight as interrupted, and runs the agent once", async () => {
    const { directory, launch, store } = await given(
      [fence("sh", "echo ran >> count.txt"), fence("say", "Before."), fence("stream 100000")].join("\n"),
    );
    const first = await host(directory);
    first.send(aToken());
    await vi.waitFor(() => expect(store.transcript().some((message) => message.content.length > 2000)).toBe(true));
    first.child.kill("SIGKILL");
    await first.exited;

    const second = await host(directory);
    second.send(aToken());
    const ended = await second.until((status) => status.phase === "ended" && status.drained);
    expect(ended.end).toMatchObject({ outcome: "crashed", failure: { code: "host_lost" } });
    expect(ended.digest).toEqual(store.digest());
    expect(store.conflicts).toBe(0);
    const transcript = store.transcript();
    expect(transcript.filter((message) => message.interrupted)).toHaveLength(1);
    expect(transcript.find((message) => message.interrupted)).toMatchObject({ kind: "text", final: true });
    expect(transcript.at(-1)).toMatchObject({ kind: "notice", final: true });
    expect(readFileSync(join(launch.cwd, "count.txt"), "utf8")).toBe("ran\n");
    second.send({ type: "shutdown" });
    expect(await second.exited).toBe(0);
  });

  it("[F39] reports the stderr tail of a crashed agent as the reason, and keeps its messages", async () => {
    const { directory, store } = await given([fence("say", "So far."), fence("crash")].join("\n"));
    const running = await host(directory);
    running.send(aToken());
    const ended = await running.until((status) => status.phase === "ended" && status.drained);
    expect(ended.end).toMatchObject({ outcome: "crashed", failure: { code: "agent_crashed" } });
    expect(ended.end?.failure?.message).toMatch(/exit code 1[\s\S]*last output: \S/);
    expect(store.transcript().some((message) => message.content.includes("So far."))).toBe(true);
    expect(ended.digest).toEqual(store.digest());
  });

  it("ends with the outcome error when the agent fails its turn, and keeps its messages complete", async () => {
    const { directory, store } = await given(`${fence("say", "So far.")}\n${fence("fail out of tea")}`);
    const running = await host(directory);
    running.send(aToken());
    const ended = await running.until((status) => status.phase === "ended" && status.drained);
    expect(ended.end).toMatchObject({
      outcome: "error",
      failure: { code: "agent_error", message: expect.stringContaining("out of tea") },
    });
    expect(store.transcript().filter(({ interrupted }) => interrupted)).toEqual([]);
  });

  it("ends when the agent cannot be started, and on a cancel before the first token", async () => {
    const missing = await given("x", {
      agent: { kind: "script", command: ["/nonexistent/agent"], env: {}, gateway: null, secretEnv: false },
    });
    const first = await host(missing.directory);
    first.send(aToken());
    expect((await first.until((status) => status.phase === "ended")).end).toMatchObject({
      outcome: "crashed",
      failure: { code: "agent_start_failed" },
    });
    const early = await given(fence("say", "never"));
    const second = await host(early.directory);
    second.send({ type: "cancel", reason: "Changed my mind." });
    expect((await second.until((status) => status.phase === "ended")).end).toMatchObject({
      outcome: "cancelled",
      failure: { message: "Changed my mind." },
    });
  });

  it("ends the turn and the agent's commands on a cancel", async () => {
    const { directory, launch } = await given(fence("sh", "echo $$ > pid.txt; sleep 1000 & sleep 1000"));
    const running = await host(directory);
    running.send(aToken());
    const pid = await vi.waitFor(() => {
      const written = Number(readFileSync(join(launch.cwd, "pid.txt"), "utf8"));
      expect(written).toBeGreaterThan(0);
      return written;
    });
    running.send({ type: "cancel", reason: "Stop." });
    const ended = await running.until((status) => status.phase === "ended");
    expect(ended.end).toMatchObject({ outcome: "cancelled", failure: { code: "cancelled", message: "Stop." } });
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
  });

  it("[F40] ends a hanging agent at the idle timeout", async () => {
    const { directory } = await given(fence("hang"), { idleTimeoutMs: 300 });
    const running = await host(directory);
    running.send(aToken());
    expect((await running.until((status) => status.phase === "ended")).end).toMatchObject({
      outcome: "timeout",
      failure: { code: "agent_silent" },
    });
  });

  it("[F40] kills the agent's leftover processes, even in a separate process session", async () => {
    const { directory, launch } = await given(
      fence(
        "sh",
        "setsid sh -c 'echo $$ > pid.txt; exec sleep 1000' > /dev/null 2>&1 < /dev/null & until [ -s pid.txt ]; do :; done",
      ),
    );
    const running = await host(directory);
    running.send(aToken());
    await running.until((status) => status.phase === "ended");
    const pid = Number(readFileSync(join(launch.cwd, "pid.txt"), "utf8"));
    expect(pid).toBeGreaterThan(0);
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
  });

  it("[F38] keeps rows after a rejected token until a new one comes", async () => {
    const { directory, store } = await given(fence("say", "Hello."));
    store.fault = () => "unauthorized";
    const running = await host(directory);
    running.send(aToken());
    await running.until((status) => status.needsToken && status.phase === "ended");
    expect(running.status()).toMatchObject({ drained: false });
    store.fault = () => "none";
    running.send(aToken());
    const ended = await running.until((status) => status.drained);
    expect(ended).toMatchObject({ needsToken: false, digest: store.digest() });
  });

  it("[F3][F4][F8] stores everything once and in order despite lost requests, lost replies and refusals", async () => {
    const { directory, store } = await given(
      [fence("stream 300"), fence("sh", "seq 50"), fence("stream 300")].join("\n"),
    );
    const faults = ["drop_reply", "unavailable", "drop_request", "none"] as const;
    let requests = 0;
    store.fault = () => faults[requests++ % faults.length] ?? "none";
    const running = await host(directory);
    running.send(aToken());
    const ended = await running.until((status) => status.phase === "ended" && status.drained);
    expect(ended).toMatchObject({ end: { outcome: "clean" }, outbox: { deadLetters: 0 }, digest: store.digest() });
    expect(requests).toBeGreaterThan(4);
  });

  it("[R6] pauses the agent while the outbox is full, and resumes it when the store is back", async () => {
    // More than any pipe holds, so that the agent cannot finish while it is paused.
    const prompt = [
      ...Array.from({ length: 12 }, (_, i) => fence("say", `Line ${i}.`)),
      fence("sh", "true"),
      fence("stream 60000"),
    ].join("\n");
    const { directory, store } = await given(prompt);
    store.fault = () => "unavailable";
    const running = await host(directory, { MSG_OUTBOX_MAX_ROWS: "10" });
    running.send(aToken());
    await vi.waitFor(() => expect(readFileSync(join(directory, "host.log"), "utf8")).toContain("agent.paused"));
    expect(running.status()?.phase).toBe("running");
    store.fault = () => "none";
    const ended = await running.until((status) => status.phase === "ended" && status.drained);
    expect(ended).toMatchObject({ end: { outcome: "clean" }, digest: store.digest() });
    expect(store.transcript().some((message) => message.content.length > 200_000)).toBe(true);
  });

  it("refuses a second host on the same session", async () => {
    const { directory } = await given(fence("hang"));
    const first = await host(directory);
    const second = await host(directory);
    expect(await second.exited).toBe(1);
    expect(first.status()?.phase).not.toBe("ended");
    first.send({ type: "cancel", reason: "" });
    await first.until((status) => status.phase === "ended");
  });

  it("survives SIGHUP and the loss of its daemon, and sends its status to the next connection", async () => {
    const { directory } = await given([fence("say", "a"), fence("wait 300ms"), fence("say", "b")].join("\n"));
    const running = await host(directory);
    running.send(aToken());
    await running.until((status) => status.startedAt !== null);
    running.disconnect();
    running.child.kill("SIGHUP");
    const again = await import("node:net").then(({ connect }) => connect(join(directory, "host.sock")));
    again.on("error", () => {});
    const line = await new Promise<string>((resolve) => {
      let text = "";
      again.on("data", (bytes: Buffer) => {
        text += bytes.toString();
        const ended = text.split("\n").find((one) => one.includes('"phase":"ended"'));
        if (ended !== undefined) resolve(ended);
      });
    });
    expect(line).toContain('"outcome":"clean"');
    again.destroy();
  });

  it("ends the agent, keeps its messages and exits when it is stopped", async () => {
    const { directory } = await given([fence("say", "retained"), fence("hang")].join("\n"));
    const running = await host(directory);
    running.send(aToken());
    await running.until((status) => status.startedAt !== null);
    running.child.kill("SIGTERM");
    expect(await running.exited).toBe(0);
    const second = await host(directory);
    expect((await second.until((status) => status.phase === "ended")).end).toMatchObject({
      outcome: "crashed",
      failure: { code: "host_stopped" },
    });
    second.send({ type: "shutdown" });
  });
});
