/**
 * How a process reports to its parent that it has started: with a line on a descriptor that it got for that, as in s6. The
 * descriptor is a pipe, so the end of the process is noticed too.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { Socket } from "node:net";

const VARIABLE = "SAMOVAR_READY_FD";
const DESCRIPTOR = 3;

/** For a child whose fourth `stdio` is `"pipe"`. */
export const READY_ENVIRONMENT: Readonly<Record<string, string>> = { [VARIABLE]: String(DESCRIPTOR) };

/** Reports, once, that this process has started. Does nothing when its parent did not request that or has exited. */
export function reportReady(env: NodeJS.ProcessEnv): void {
  const isAsked = env[VARIABLE] === String(DESCRIPTOR);
  // Child processes must not report it too.
  delete env[VARIABLE];
  if (!isAsked) return;
  try {
    writeSync(DESCRIPTOR, "\n");
    closeSync(DESCRIPTOR);
  } catch {
    // The reader has exited.
  }
}

/** Resolves when the child reports that it has started, when it has ended, or when the signal is aborted. */
export function untilReady(child: ChildProcess, signal?: AbortSignal): Promise<void> {
  const pipe = child.stdio[DESCRIPTOR];
  return new Promise<void>((resolve) => {
    const over = () => resolve();
    child.once("error", over).once("exit", over);
    signal?.addEventListener("abort", over, { once: true });
    if (!(pipe instanceof Socket)) return;
    pipe.unref();
    pipe.once("error", over).once("data", over).once("close", over);
  }).finally(() => pipe?.destroy());
}
