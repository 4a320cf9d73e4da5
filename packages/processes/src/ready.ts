/**
 * How a process tells whoever started it that its start is over: by a line on a descriptor that it got for that, as s6 has
 * it. The descriptor is a pipe, so the end of the process tells as much.
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { Socket } from "node:net";

const VARIABLE = "SAMOVAR_READY_FD";
const DESCRIPTOR = 3;

/** For a child whose fourth `stdio` is `"pipe"`. */
export const READY_ENVIRONMENT: Readonly<Record<string, string>> = { [VARIABLE]: String(DESCRIPTOR) };

/** Says, once, that our own start is over. Does nothing where nobody asked for it, or has left. */
export function reportReady(env: NodeJS.ProcessEnv): void {
  const isAsked = env[VARIABLE] === String(DESCRIPTOR);
  // What we start is not to say it too.
  delete env[VARIABLE];
  if (!isAsked) return;
  try {
    writeSync(DESCRIPTOR, "\n");
    closeSync(DESCRIPTOR);
  } catch {
    // Nobody reads it any more.
  }
}

/** Resolves when the child says that it has started, or has ended, or when the signal is aborted. */
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
