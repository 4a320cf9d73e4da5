/** Reading what an exited process left in its pipe, with real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { readToEnd } from "./read-to-end.ts";

const leftovers: number[] = [];
afterEach(() => {
  for (const pid of leftovers.splice(0)) process.kill(pid, "SIGKILL");
});

/** Runs a shell that prints the pid of a child that keeps the pipe open, prints `bytes` bytes, and exits. */
async function exited(bytes: number, { paused = false } = {}) {
  const line = `sleep 1000 & echo $!; head -c ${bytes} /dev/zero | tr '\\0' x`;
  const child = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  if (paused) child.stdout.pause();
  await once(child, "exit");
  await readToEnd(child.stdout);
  leftovers.push(Number.parseInt(text, 10));
  child.stdout.destroy();
  return text.split("\n")[1] ?? "";
}

it("[R1] reads everything that was written while a child keeps the pipe open", async () => {
  expect(await exited(60_000)).toHaveLength(60_000);
});

it("reads what is left in a paused pipe", async () => {
  expect(await exited(30_000, { paused: true })).toHaveLength(30_000);
});

it("resolves for a process that wrote nothing", async () => {
  expect(await exited(0)).toBe("");
});

it("resolves for a stream that has ended", async () => {
  const child = spawn("true", { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.resume();
  await once(child, "close");
  await readToEnd(child.stdout);
  expect(child.stdout.readableEnded).toBe(true);
});
