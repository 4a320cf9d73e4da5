/** What is told of real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { isFreePort } from "./control-plane.ts";
import { holdersOf, isHolding, isRunning, processStart } from "./processes.ts";

/** Many threads with memory of their own: after a kill the first is gone long before the last. */
const BUSY = `
  const { Worker } = require("node:worker_threads");
  const busy = "const held = Array.from({ length: 40 }, () => Buffer.alloc(1e6, 1)); setInterval(() => held.length, 1)";
  for (let count = 0; count < 6; count++) new Worker(busy, { eval: true });
  const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

it("[R21] a killed process that is told to hold nothing any more has let go of its port", async () => {
  const child = spawn(process.execPath, ["-e", BUSY], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  const { pid } = child;
  const start = pid === undefined ? null : await processStart(pid);
  if (pid === undefined || start === null) throw new Error("the child did not start");
  expect(await isHolding(pid, start)).toBe(true);
  expect(await isFreePort(Number(said))).toBe(false);
  child.kill("SIGKILL");
  await vi.waitFor(async () => expect(await isHolding(pid, start)).toBe(false), { interval: 1 });
  expect(await isFreePort(Number(said))).toBe(true);
  expect(await isRunning(pid, start)).toBe(false);
});

it("tells a process from another one with the same id", async () => {
  const start = await processStart(process.pid);
  expect(await isRunning(process.pid, start)).toBe(true);
  expect([await isRunning(process.pid, "0"), await isHolding(process.pid, "0")]).toEqual([false, false]);
});

it("[F11] a process that nobody wrote down is found by the files that it has open", async () => {
  const directory = mkdtempSync(join(tmpdir(), "samovar-held-"));
  const holds = `require("node:fs").openSync(process.argv[1], "w"); console.log("open"); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ["-e", holds, join(directory, "state")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect((await holdersOf(directory, "node")).map(({ pid }) => pid)).toEqual([child.pid]);
  expect(await holdersOf(directory, "workerd")).toEqual([]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await holdersOf(directory, "node")).toEqual([]);
  rmSync(directory, { recursive: true });
});
