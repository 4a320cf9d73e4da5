/**
 * Stops a process for a moment, so that its files can be copied as they are at one instant: what a copy then holds is what a power
 * cut at that instant would have left. A process that was stopped only loses time.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { CliError } from "../client/errors.ts";

export interface Frozen {
  /** Whether it is still the same stopped process: false when it was killed, or continued by another. */
  isStill(): Promise<boolean>;
  thaw(): Promise<void>;
}

const POLL_MS = 2;
/** A thread that is writing to a slow disk stops when the write is over. */
const FREEZE_TIMEOUT_MS = 30_000;
/** Continues the process when its input ends, so also when this program is killed. */
const HOLD = 'kill -STOP "$1" && echo stopped && read -r _; kill -CONT "$1"';

/** Resolves once every thread stands still. Throws {@link CliError} when the process cannot be stopped. */
export async function freezeProcess(pid: number): Promise<Frozen> {
  const holder = spawn("sh", ["-c", HOLD, "sh", String(pid)], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = once(holder, "exit");
  const thaw = async () => {
    holder.stdin.end();
    await ended;
  };
  try {
    await waitUntilStopped(pid, holder);
    return { isStill: () => isStopped(pid), thaw };
  } catch (error) {
    await thaw();
    throw error;
  }
}

async function waitUntilStopped(pid: number, holder: ChildProcess): Promise<void> {
  for (let waited = 0; !(await isStopped(pid)); waited += POLL_MS) {
    if (holder.exitCode !== null || waited > FREEZE_TIMEOUT_MS)
      throw new CliError(
        `Samovar's process ${pid} could not be paused.`,
        "Run the backup as the user who runs Samovar, or stop Samovar first.",
      );
    await setTimeout(POLL_MS);
  }
}

/** Linux stops threads one by one: each counts. */
async function isStopped(pid: number): Promise<boolean> {
  if (process.platform !== "linux") return (await readPsState(pid)).startsWith("T");
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, "utf8")));
    return states.every((stat) => /^\d+ \(.*\) [Tt] /s.test(stat));
  } catch {
    // It has ended, or one of its threads just did.
    return false;
  }
}

function readPsState(pid: number): Promise<string> {
  return new Promise((resolve) => {
    execFile("ps", ["-o", "state=", "-p", String(pid)], (error, text) => resolve(error === null ? text.trim() : ""));
  });
}
