/** How long commands go on asking: against a real server behind a proxy that fails on purpose, with real lock files and processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once as onceEmitted } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningClock, systemClock, systemTimers } from "@samovar/base";
import {
  aProjectView,
  aTaskView,
  type FaultProxy,
  seededRandom,
  startFaultProxy,
  type TestTime,
  testTime,
} from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { writeAtomically } from "../files.ts";
import { type Instance, readInstance, writeInstance } from "../instance.ts";
import { createRecordingTerminal } from "../output/recording.testing.ts";
import { lockDirectory } from "../up/lock.ts";
import { readProcessStart } from "../up/processes.ts";
import { type ConnectPorts, requireSamovar } from "./connect.ts";
import { CliError, UnreachableError } from "./errors.ts";
import { createRetryingTransport } from "./retrying-transport.ts";
import { readPresence } from "./presence.ts";

const project = aProjectView();
const SYSTEM = { clock: systemClock, timers: systemTimers };
const cleanups: (() => unknown)[] = [];
let dataDir: string;
let proxy: FaultProxy;
let asked: { readonly line: string; readonly key: string | undefined }[];
/** Values of `Authorization` that the server refuses. */
let revoked: Set<string>;
let beforeRefusal: () => Promise<void>;
let terminal: ReturnType<typeof createRecordingTerminal>;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "cli-transport-"));
  cleanups.push(() => rm(dataDir, { recursive: true }));
  terminal = createRecordingTerminal();
  asked = [];
  revoked = new Set();
  beforeRefusal = async () => {};
  const server = createServer(async (request, response) => {
    const { method, url = "" } = request;
    asked.push({ line: `${method} ${url.split("?")[0]}`, key: request.headers["idempotency-key"]?.toString() });
    const refusal = { error: { code: "not_found", message: "Credential not found.", requestId: "r" } };
    if (revoked.has(request.headers.authorization ?? "")) {
      await beforeRefusal();
      response.writeHead(401, { "content-type": "application/json" });
      const error = { code: "unauthenticated", message: "Sign in, or send an API token.", requestId: "r" };
      return response.end(JSON.stringify({ error }));
    }
    const body =
      method === "DELETE" ? refusal : method === "POST" ? aTaskView() : { items: [project], nextCursor: null };
    response.writeHead(method === "DELETE" ? 404 : 200, { "content-type": "application/json" });
    return response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  proxy = await startFaultProxy({ target: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  cleanups.push(() => proxy.close());
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function instanceOf(pid: number, fields: Partial<Instance> = {}): Promise<Instance> {
  const start = await readProcessStart(pid);
  return { version: 1, pid, start, url: proxy.url, publicUrl: null, apiToken: "smv_test", startedAt: 0, ...fields };
}

const ports = (time: Pick<ConnectPorts, "clock" | "timers"> = SYSTEM): ConnectPorts => ({
  dataDir,
  remote: null,
  terminal,
  random: seededRandom(1),
  ...time,
});

/** A client of an instance whose process, this one, lives. */
async function client(time?: Pick<ConnectPorts, "clock" | "timers">) {
  await writeInstance(dataDir, await instanceOf(process.pid));
  return requireSamovar(ports(time));
}

async function livingProcess(): Promise<{ child: ChildProcess; pid: number }> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1_000_000)"], { stdio: "ignore" });
  await onceEmitted(child, "spawn");
  cleanups.push(() => child.kill("SIGKILL"));
  const { pid } = child;
  if (pid === undefined) throw new Error("the process did not start");
  return { child, pid };
}

/** A failure is a value here: it may come before it is looked at. */
const settled = (promise: Promise<unknown>) =>
  promise.then(
    (value) => ({ value, error: null }),
    (error: unknown) => ({ value: null, error }),
  );

/** Lets time pass, between whatever else happens, until there is an outcome. */
async function passing(time: TestTime, promise: Promise<unknown>) {
  const outcome = settled(promise);
  for (;;) {
    const over = await Promise.race([outcome, new Promise<null>((resolve) => setImmediate(resolve, null))]);
    if (over !== null) return over;
    time.advance(20);
  }
}

describe("a Samovar that runs without answering", () => {
  it("[R21] is asked again after refused or broken connections and retriable errors", async () => {
    const samovar = await client();
    proxy.reschedule([{ kind: "drop_request" }, { kind: "drop_reply" }, { kind: "status", status: 503 }]);
    expect(await samovar.projects()).toEqual([project]);
    expect(proxy.exchanges).toHaveLength(4);
    expect(terminal.notes()).toBe("");
  });

  it("[R21] is asked at its new address after a restart", async () => {
    const { url } = proxy;
    await writeInstance(dataDir, await instanceOf(process.pid, { url: "http://127.0.0.1:1" }));
    const samovar = await requireSamovar(ports());
    const projects = samovar.projects();
    await writeInstance(dataDir, await instanceOf(process.pid, { url }));
    expect(await projects).toEqual([project]);
  });

  it("[security 12] is asked with its new token after a restart revoked the old one, and refuses a token that stays", async () => {
    revoked.add("Bearer smv_test");
    const samovar = await client();
    await expect(samovar.projects()).rejects.toMatchObject({ code: "unauthenticated" });
    const next = await instanceOf(process.pid, { apiToken: "smv_next" });
    beforeRefusal = () => writeInstance(dataDir, next);
    expect(await samovar.projects()).toEqual([project]);
  });

  it("[F45] receives the same idempotency key with each retry, and another key with the next request", async () => {
    const samovar = await client();
    proxy.reschedule([{ kind: "drop_reply" }, { kind: "cut_reply", afterBytes: 10 }]);
    await samovar.createTask(project.id, { description: "Once", run: false });
    await samovar.createTask(project.id, { description: "Twice", run: false });
    const [first, second, third, other] = asked.map(({ key }) => key);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect([second, third]).toEqual([first, first]);
    expect(other).not.toBe(first);
  });

  it("treats 404 for a repeated delete as success", async () => {
    const samovar = await client();
    await expect(samovar.removeCredential("openai")).rejects.toMatchObject({ code: "not_found" });
    proxy.reschedule(({ index }) => ({ kind: index === 1 ? "drop_reply" : "pass" }));
    await samovar.removeCredential("openai");
    expect(asked.map(({ line }) => line)).toEqual(Array(3).fill("DELETE /api/credentials/openai"));
  });

  it("causes a note after two seconds and an error with a hint after ten", async () => {
    const time = testTime();
    const samovar = await client({ clock: time, timers: time });
    proxy.reschedule(() => ({ kind: "delay", delayMs: 1_000_000 }));
    let isOver = false;
    const outcome = settled(samovar.projects()).finally(() => (isOver = true));
    await vi.waitFor(() => expect(proxy.exchanges).toHaveLength(1));
    time.advance(1_999);
    expect(terminal.notes()).toBe("");
    time.advance(1);
    expect(terminal.notes()).toBe("Samovar is not answering yet; retrying.\n");
    time.advance(7_999);
    expect(isOver).toBe(false);
    time.advance(1);
    expect((await outcome).error).toMatchObject({
      message: `Samovar is running (process ${process.pid}) but has not answered for 10 seconds.`,
      hint: expect.stringMatching(/^Try again in a moment.*samovar up$/),
    });
  });

  it("causes an error after ten seconds of refused connections, which says that a change may have been made", async () => {
    const time = testTime();
    const samovar = await client({ clock: time, timers: time });
    await proxy.close();
    const submitted = samovar.createTask(project.id, { description: "Once", run: false });
    expect((await passing(time, submitted)).error).toMatchObject({
      message: expect.stringContaining("10 seconds"),
      hint: expect.stringContaining("may have been carried out"),
    });
  });

  it("is quoted when its own error explains why it is unavailable", async () => {
    const time = testTime();
    const samovar = await client({ clock: time, timers: time });
    const body = JSON.stringify({ error: { code: "unavailable", message: "The database rests.", requestId: "r" } });
    proxy.reschedule(() => ({ kind: "status", status: 503, body }));
    expect((await passing(time, samovar.projects())).error).toMatchObject({
      message: "The database rests.",
      hint: "Try again in a moment.",
    });
  });

  it("is not abandoned for time in which this process was stopped", async () => {
    const time = testTime();
    let stoppedMs = 0;
    const samovar = await client({ clock: { now: () => time.now() + stoppedMs }, timers: time });
    proxy.reschedule(() => ({ kind: "delay", delayMs: 500 }));
    const projects = samovar.projects();
    await vi.waitFor(() => expect(proxy.exchanges).toHaveLength(1));
    time.advance(5_000);
    stoppedMs = 3_600_000;
    time.advance(1_000);
    expect(await projects).toEqual([project]);
  });

  it("causes no note while a node or an external service takes long", async () => {
    const time = testTime();
    const samovar = await client({ clock: time, timers: time });
    proxy.reschedule(() => ({ kind: "delay", delayMs: 1_000_000 }));
    const outcome = settled(samovar.checkCredential("openai"));
    await vi.waitFor(() => expect(proxy.exchanges).toHaveLength(1));
    time.advance(29_000);
    expect(terminal.notes()).toBe("");
    time.advance(1_000);
    expect((await outcome).error).toMatchObject({ message: expect.stringContaining("30 seconds") });
  });

  it("is not asked again when a request is not idempotent, unless the request never left", async () => {
    await writeInstance(dataDir, await instanceOf(process.pid));
    const transport = createRetryingTransport({
      time: new RunningClock(systemClock, systemTimers),
      presence: () => readPresence(dataDir),
      instance: () => readInstance(dataDir),
      note: terminal.note,
    });
    const rules = { isSafeToRepeat: false, changesNothing: false, takesLong: false };
    const tries: boolean[] = [];
    const lost = transport<null>(async () => {
      tries.push(tries.length > 0);
      return { answered: false, mayHaveActed: tries.length > 1, error: new CliError("The answer was lost.") };
    }, rules);
    await expect(lost).rejects.toThrow("The answer was lost.");
    expect(tries).toEqual([false, true]);
  });
});

describe("a Samovar that is not running", () => {
  it("is reported at once when there is no instance file", async () => {
    await expect(requireSamovar(ports())).rejects.toMatchObject({
      message: "No Samovar is running for this data directory.",
      hint: "Start it with: samovar up",
    });
  });

  it("[F11] is reported at once when its process is gone, even when another process has its id", async () => {
    const { child, pid } = await livingProcess();
    await writeInstance(dataDir, await instanceOf(pid));
    proxy.reschedule(() => ({ kind: "drop_request" }));
    child.kill("SIGKILL");
    await onceEmitted(child, "exit");
    await expect((await requireSamovar(ports())).projects()).rejects.toBeInstanceOf(UnreachableError);
    await writeInstance(dataDir, await instanceOf(process.pid, { start: "1" }));
    await expect((await requireSamovar(ports())).projects()).rejects.toBeInstanceOf(UnreachableError);
    expect(proxy.exchanges).toHaveLength(2);
  });

  it("is used all the same where its process is not visible, such as from another container", async () => {
    await writeInstance(dataDir, await instanceOf(process.pid, { start: "1" }));
    expect(await (await requireSamovar(ports())).projects()).toEqual([project]);
  });

  it("is reported at once while it stops", async () => {
    const lock = await lockDirectory(dataDir);
    await lock.markStopping();
    await expect(requireSamovar(ports())).rejects.toThrow(`Samovar is stopping (process ${process.pid}).`);
  });
});

describe("a Samovar that is starting", () => {
  it("is waited for, with a note after two seconds", async () => {
    const time = testTime();
    await lockDirectory(dataDir);
    const samovar = requireSamovar(ports({ clock: time, timers: time }));
    await vi.waitFor(() => expect(time.pending).toBe(2));
    time.advance(30_000);
    expect(terminal.notes()).toBe(`Samovar is starting (process ${process.pid}); waiting for it.\n`);
    await writeInstance(dataDir, await instanceOf(process.pid));
    const projects = samovar.then((found) => found.projects());
    expect(await passing(time, projects)).toEqual({ value: [project], error: null });
  });

  it("is waited for even when a killed one left its instance file", async () => {
    await writeInstance(dataDir, await instanceOf(process.pid, { start: "1", url: "http://127.0.0.1:1" }));
    await lockDirectory(dataDir);
    const projects = (await requireSamovar(ports())).projects();
    await writeInstance(dataDir, await instanceOf(process.pid));
    expect(await projects).toEqual([project]);
  });

  it("[F11] is no longer waited for once its process has ended", async () => {
    const { child, pid } = await livingProcess();
    await writeAtomically(join(dataDir, "lock"), JSON.stringify({ pid, start: await readProcessStart(pid) }));
    const outcome = settled(requireSamovar(ports()));
    child.kill("SIGKILL");
    expect((await outcome).error).toBeInstanceOf(UnreachableError);
  });
});
