/** Tests of reading what a dead process left in its pipe, with real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { readToEnd } from "./read-to-end.ts";

const holders: number[] = [];
afterEach(() => {
  for (const pid of holders.splice(0)) process.kill(pid, "SIGKILL");
});

/** Prints the number of what it leaves behind to hold the pipe, then `bytes` bytes, and exits. */
async function exited(bytes: number, { paused = false } = {}) {
  const line = `sleep 1000 & echo $!; head -c ${bytes} /dev/zero | tr '\\0' x`;
  const child = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  if (paused) child.stdout.pause();
  await once(child, "exit");
  await readToEnd(child.stdout);
  holders.push(Number.parseInt(text, 10));
  child.stdout.destroy();
  return text.split("\n")[1] ?? "";
}

it("[R1] reads all that was written although something holds the pipe open", async () => {
  expect(await exited(60_000)).toHaveLength(60_000);
});

it("reads what stood in the pipe while nobody read", async () => {
  expect(await exited(30_000, { paused: true })).toHaveLength(30_000);
});

it("comes to an end for a process that wrote nothing", async () => {
  expect(await exited(0)).toBe("");
});

it("comes to an end for a stream that has ended", async () => {
  const child = spawn("true", { stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.resume();
  await once(child, "close");
  await readToEnd(child.stdout);
  expect(child.stdout.readableEnded).toBe(true);
});
