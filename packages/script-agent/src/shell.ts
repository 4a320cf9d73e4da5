/**
 * Runs one command line with `sh -c` in a separate process group. When the command ends, is stopped, or this
 * process dies in any way, nothing of that group is left: a watcher in the group holds the reading end of a
 * pipe whose other end is ours.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import type { Timers } from "@samovar/base";
import { type BoundedOutput, boundedOutput } from "./bounded-output.ts";

export type ShellEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  /** Ended by a signal that we did not send. */
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "timed-out" }
  | { readonly kind: "cancelled" }
  /** The shell could not be started. */
  | { readonly kind: "unstartable"; readonly message: string };

export interface ShellRun {
  readonly end: ShellEnd;
  /** Standard output and error in the order in which they came; the middle is left out when it is long. */
  readonly output: string;
  readonly omittedChars: number;
}

export interface ShellOptions {
  readonly command: string;
  readonly cwd: string;
  readonly timeoutMs: number | null;
  readonly signal: AbortSignal;
  readonly timers: Timers;
  /** Gets everything kept so far, each time that there is more. */
  readonly onOutput: (soFar: () => string) => void;
}

const HEAD_CHARS = 32_000;
const TAIL_CHARS = 32_000;
/** From the polite signal to the one that cannot be refused. */
const KILL_GRACE_MS = 2_000;
/** How long output that something outside the group still holds open is waited for. */
const OUTPUT_GRACE_MS = 1_000;

const WITH_WATCHER = '(read -r _ <&3; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec 3<&-; exec sh -c "$1" 2>&1';

export async function runShell(options: ShellOptions): Promise<ShellRun> {
  const child = spawn("sh", ["-c", WITH_WATCHER, "sh", options.command], {
    cwd: options.cwd,
    detached: true,
    stdio: ["ignore", "pipe", "ignore", "pipe"],
  });
  const output = collectOutput(child, options.onOutput);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stopping = stopWhenAsked(child, options);
  const exit = await exitOf(child);
  stopping.settle();
  if (exit.kind !== "unstartable") {
    signalGroup(child, "SIGKILL");
    const cancelGrace = options.timers.after(OUTPUT_GRACE_MS, () => child.stdout?.destroy());
    await closed;
    cancelGrace();
  }
  for (const end of child.stdio) end?.destroy();
  const kept = output.finish();
  const stoppedBy = stopping.reason();
  return { end: stoppedBy === null ? exit : { kind: stoppedBy }, output: kept.text(), omittedChars: kept.omitted() };
}

function collectOutput(child: ChildProcess, onOutput: ShellOptions["onOutput"]): { finish(): BoundedOutput } {
  const kept = boundedOutput(HEAD_CHARS, TAIL_CHARS);
  const decoder = new StringDecoder("utf8");
  child.stdout?.on("data", (chunk: Buffer) => {
    kept.append(decoder.write(chunk));
    onOutput(kept.text);
  });
  return {
    finish() {
      kept.append(decoder.end());
      return kept;
    },
  };
}

/** Stops the command when its time is over or its turn is cancelled: politely, then for certain. */
function stopWhenAsked(child: ChildProcess, { signal, timers, timeoutMs }: ShellOptions) {
  const pending: (() => void)[] = [];
  let reason: "timed-out" | "cancelled" | null = null;
  const stop = (why: "timed-out" | "cancelled") => {
    if (reason !== null) return;
    reason = why;
    signalGroup(child, "SIGTERM");
    pending.push(timers.after(KILL_GRACE_MS, () => signalGroup(child, "SIGKILL")));
  };
  const onAbort = () => stop("cancelled");
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  if (timeoutMs !== null) pending.push(timers.after(timeoutMs, () => stop("timed-out")));
  return {
    reason: () => reason,
    settle() {
      signal.removeEventListener("abort", onAbort);
      for (const cancel of pending) cancel();
    },
  };
}

function exitOf(child: ChildProcess): Promise<ShellEnd> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ kind: "unstartable", message: error.message }));
    child.once("exit", (code, killer) =>
      resolve(code === null ? { kind: "killed", signal: String(killer) } : { kind: "exited", exitCode: code }),
    );
  });
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    // The group is empty already: that is what was wanted.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
