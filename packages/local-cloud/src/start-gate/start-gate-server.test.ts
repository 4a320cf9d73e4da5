/** The start gate with both its real ends: processes that ask, hold, are killed and are stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { silentLogger, systemClock, systemTimers } from "@samovar/base";
import { TIME_LIMITS } from "@samovar/contracts";
import { startGate, type StartPermit } from "@samovar/processes";
import { testTime } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processTable } from "../machine/process-table.ts";
import { serveStartGate, type StartGateServer } from "./start-gate-server.ts";
import { StartPermits } from "./start-permits.ts";

let directory: string;
let path: string;
let server: StartGateServer | null = null;
const starters: ChildProcess[] = [];
const sockets: Socket[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "samovar-gate-"));
  path = join(directory, "starts.sock");
});
afterEach(async () => {
  for (const starter of starters.splice(0)) starter.kill("SIGKILL");
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
  server = null;
  rmSync(directory, { recursive: true, force: true });
});

async function serve(count: number): Promise<void> {
  const { isStopped } = processTable();
  const permits = new StartPermits({ count, clock: systemClock, timers: systemTimers, isStopped });
  server = await serveStartGate(path, permits, silentLogger);
}

const enter = (wait: Partial<Parameters<ReturnType<typeof startGate>["enter"]>[0]> = {}, timers = systemTimers) =>
  startGate(path, timers).enter({ signal: new AbortController().signal, ...wait });

/** Whether it is settled by the time that a later request has been answered. */
async function isWaiting(permit: Promise<StartPermit>): Promise<boolean> {
  const noPermit = Symbol();
  await connected();
  return (await Promise.race([permit, new Promise((resolve) => setImmediate(() => resolve(noPermit)))])) === noPermit;
}

function connected(): Promise<Socket> {
  const socket = connect(path);
  sockets.push(socket);
  return new Promise((resolve, reject) => socket.once("connect", () => resolve(socket)).once("error", reject));
}

/** A process that asks, and holds what it gets. Resolves once it waits or holds. */
async function starter(): Promise<{ readonly child: ChildProcess; readonly admitted: Promise<void> }> {
  const module = new URL("../../../processes/src/start-gate.ts", import.meta.url).href;
  const code = `
    const { startGate } = await import(${JSON.stringify(module)});
    const timers = { after: (ms, then) => { const timer = setTimeout(then, ms); return () => clearTimeout(timer); } };
    const asked = startGate(${JSON.stringify(path)}, timers).enter({ signal: new AbortController().signal });
    console.log("asked");
    await asked;
    console.log("go");
    setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  starters.push(child);
  const lines = createInterface(child.stdout);
  const said = (word: string) => new Promise<void>((resolve) => lines.on("line", (line) => line === word && resolve()));
  const admitted = said("go");
  await said("asked");
  return { child, admitted };
}

describe("a start", () => {
  test("goes ahead at once where there is no gate, and where its socket has no listener any more", async () => {
    await startGate(null, systemTimers).enter({ signal: new AbortController().signal });
    await enter();
    await serve(1);
    await server?.close();
    server = null;
    // A killed server leaves its socket's file behind.
    writeFileSync(path, "");
    await enter();
  });

  test("waits for its turn, first come, first served", async () => {
    await serve(2);
    const [first, second] = [await enter(), await enter()];
    const third = enter();
    const fourth = enter();
    expect(await isWaiting(third)).toBe(true);
    second.release();
    const permit = await third;
    expect(await isWaiting(fourth)).toBe(true);
    first.release();
    await fourth;
    permit.release();
  });

  test("that is called off leaves the queue", async () => {
    await serve(1);
    const first = await enter();
    const cancel = new AbortController();
    const second = enter({ signal: cancel.signal });
    const third = enter();
    cancel.abort();
    await second;
    expect(await isWaiting(third)).toBe(true);
    first.release();
    await third;
  });

  test("says once that it waits long, and goes ahead after the longest wait: the gate never prevents a start", async () => {
    await serve(1);
    await enter();
    const time = testTime();
    let delays = 0;
    const second = enter({ onDelayed: () => delays++ }, time);
    expect(await isWaiting(second)).toBe(true);
    time.advance(2_999);
    expect(delays).toBe(0);
    time.advance(60_000);
    expect(delays).toBe(1);
    expect(await isWaiting(second)).toBe(true);
    time.advance(TIME_LIMITS.START_WAIT_MS.ms);
    await second;
    expect([delays, time.pending]).toEqual([1, 0]);
  });
});

describe("a process", () => {
  test("that is killed gives back what it holds, and its place in the queue", async () => {
    await serve(1);
    const holder = await starter();
    await holder.admitted;
    const waiter = await starter();
    const last = enter();
    waiter.child.kill("SIGKILL");
    expect(await isWaiting(last)).toBe(true);
    holder.child.kill("SIGKILL");
    await last;
  });

  test("that is stopped while it holds a permit blocks no other process", async () => {
    await serve(1);
    const holder = await starter();
    await holder.admitted;
    const waiting = enter();
    expect(await isWaiting(waiting)).toBe(true);
    holder.child.kill("SIGSTOP");
    await waiting;
  });
});

describe("[S1] a connection", () => {
  test("that says anything but its process id is closed and holds nothing", async () => {
    await serve(1);
    for (const text of ["no number\n", "1234567890123", "0\n", `${process.pid}\nmore`, "1 2\n"]) {
      const socket = await connected();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.on("error", () => {}).resume();
      socket.write(text);
      await closed;
    }
    const talkative = await connected();
    const closed = new Promise((resolve) => talkative.once("close", resolve));
    talkative.write(`${process.pid}\n`);
    talkative.once("data", () => talkative.write("more"));
    await closed;
    await enter();
  });

  test("is one of few: beyond them starts go ahead instead of waiting", async () => {
    await serve(1);
    await enter();
    for (let n = 0; n < 512; n++) await connected();
    await enter();
  });
});
