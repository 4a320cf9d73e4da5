/**
 * CPU priority by levels, each lower than the one that starts it: the control plane, a node's daemon and session hosts,
 * then agents, setup scripts and git. Children inherit it. Best effort: a program starts, or fails to, as it would without.
 */
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { findProgram } from "./find-program.ts";

/** Steps of `nice` between two levels. Where both want a whole core, the lower one gets a quarter; two levels lower, a tenth. */
export const LOWER_BY = 5;
const LOWEST = 19;
const SYSTEM_PATH = "/usr/bin:/bin";

type Argv = readonly [file: string, ...args: string[]];

/**
 * The argv that starts this program one level lower. Through `nice`, since Linux sets a priority of one thread only: it
 * must be there before the program has threads and children. `path`: where the program is looked for.
 */
export function lowerArgv(argv: Argv, path: string | undefined): Argv {
  const nice = niceProgram();
  // Without `nice` in between a program that is missing fails with the error that callers know.
  if (nice === null || findProgram(argv[0], path ?? SYSTEM_PATH) === null) return argv;
  return [nice, "-n", String(LOWER_BY), ...argv];
}

let knownNice: string | null | undefined;

function niceProgram(): string | null {
  knownNice ??= findProgram("nice", `${SYSTEM_PATH}:${process.env["PATH"] ?? ""}`);
  return knownNice;
}

/** A process that ends sooner is not worth it: for a person without privileges the kernel takes one setting in 100 ms. */
const APPLY_AFTER_MS = 100;
const RETRY_MS = 150;
const MOST_TRIES = 200;

/**
 * Call it after the spawn of each `detached` process. Linux may group a session's processes for scheduling (autogroup):
 * `nice` then counts only inside the group, and the group's own value must be lowered too. `by`: how much lower than we.
 */
export function lowerGroup(child: ChildProcess, by: number = LOWER_BY): void {
  const niceness = nicenessBelow(by);
  if (by > 0 && niceProgram() === null) lowerProcess(child, niceness);
  lowerGroupOf(child.pid, () => child.exitCode !== null || child.signalCode !== null, niceness);
}

/** Lowers the session that a process leads, for one that another program started for us. */
export function lowerGroupOf(
  pid: number | undefined,
  isGone: () => boolean,
  niceness: number = nicenessBelow(LOWER_BY),
): void {
  if (niceness > 0 && pid !== undefined) applyLater(pid, isGone, niceness, APPLY_AFTER_MS, MOST_TRIES);
}

/**
 * In place of {@link lowerArgv} for small programs that run often, such as git: `nice` would cost half as much again.
 * On a busy machine the program may start a child before it is lowered itself; then only its group is.
 */
export function lowerStarted(child: ChildProcess): void {
  lowerProcess(child, nicenessBelow(LOWER_BY));
  lowerGroup(child);
}

const nicenessBelow = (by: number): number => Math.min(LOWEST, getPriority() + by);

function applyLater(pid: number, isGone: () => boolean, niceness: number, afterMs: number, tries: number): void {
  const timer = setTimeout(() => {
    if (isGone()) return;
    if (!setGroup(pid, niceness) && tries > 1) applyLater(pid, isGone, niceness, RETRY_MS, tries - 1);
  }, afterMs);
  timer.unref();
}

/** False when the kernel asks to try again later. */
function setGroup(pid: number, niceness: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
    return true;
  } catch (error) {
    // Anything else: this system groups nothing, or the process has gone.
    return !(error instanceof Error && "code" in error && error.code === "EAGAIN");
  }
}

function lowerProcess({ pid }: ChildProcess, niceness: number): void {
  try {
    if (pid !== undefined) setPriority(pid, niceness);
  } catch {
    // It has gone by itself.
  }
}
