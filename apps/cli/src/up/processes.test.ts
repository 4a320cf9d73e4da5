/** Reads real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { isFreePort } from "./control-plane.ts";
import { findHolders, isHolding, isRunning, readProcessStart } from "./processes.ts";

/** Many threads with memory of their own: after a kill the first is gone long before the last. */
const BUSY = `
  const { Worker } = require("node:worker_threads");
  const busy = "const held = Array.from({ length: 40 }, () => Buffer.alloc(1e6, 1)); setInterval(() => held.length, 1)";
  for (let count = 0; count < 6; count++) new Worker(busy, { eval: true });
  const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

it("[R21] a killed process that no longer counts as holding anything has released its port", async () => {
  const child = spawn(process.execPath, ["-e", BUSY], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  const { pid } = child;
  const start = pid === undefined ? null : await readProcessStart(pid);
  if (pid === undefined || start === null) throw new Error("the child did not start");
  expect(await isHolding(pid, start)).toBe(true);
  expect(await isFreePort(Number(said))).toBe(false);
  child.kill("SIGKILL");
  await vi.waitFor(async () => expect(await isHolding(pid, start)).toBe(false), { interval: 1 });
  expect(await isFreePort(Number(said))).toBe(true);
  expect(await isRunning(pid, start)).toBe(false);
});

it("distinguishes a process from another one with the same id", async () => {
  const start = await readProcessStart(process.pid);
  expect(await isRunning(process.pid, start)).toBe(true);
  expect([await isRunning(process.pid, "0"), await isHolding(process.pid, "0")]).toEqual([false, false]);
});

it("[F11] finds an unrecorded process by its open files", async () => {
  const directory = mkdtempSync(join(tmpdir(), "samovar-held-"));
  const holds = `require("node:fs").openSync(process.argv[1], "w"); console.log("open"); setInterval(() => {}, 1000)`;
  const child = spawn(process.execPath, ["-e", holds, join(directory, "state")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  expect((await findHolders(directory, "node")).map(({ pid }) => pid)).toEqual([child.pid]);
  expect(await findHolders(directory, "workerd")).toEqual([]);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(await findHolders(directory, "node")).toEqual([]);
  rmSync(directory, { recursive: true });
});
