/** Processes that outlive us: known by number and start time, ended with their group. */
import { readdirSync } from "node:fs";
import { HAS_PROC, readProc, readStat } from "./proc.ts";

/** The start time distinguishes a process from a later one with the same number; null where the system does not report it. */
export interface ProcessMark {
  readonly pid: number;
  readonly startTime: string | null;
}

/** The mark of a process that runs now. */
export function markProcess(pid: number): ProcessMark {
  return { pid, startTime: readStat(pid)?.startTime ?? null };
}

/** Whether this exact process still runs; a zombie does not. Without /proc, only the number is compared. */
export function isAlive(mark: ProcessMark): boolean {
  if (!HAS_PROC) return signalReaches(mark.pid);
  const stat = readStat(mark.pid);
  if (stat === null || stat.state === "Z" || stat.state === "X") return false;
  return mark.startTime === null || stat.startTime === mark.startTime;
}

/** Ends the process and its group, if it is still the one that was marked. */
export function killMarked(mark: ProcessMark): void {
  if (!isAlive(mark)) return;
  tryKill(-mark.pid);
  tryKill(mark.pid);
}

/**
 * The process whose command line ends with these arguments, started by whomever; null when there is none, `unknown` where
 * the system does not report it.
 */
export function findByArguments(...last: readonly string[]): ProcessMark | null | "unknown" {
  if (!HAS_PROC) return "unknown";
  const ending = `\0${last.join("\0")}\0`;
  const pid = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((each) => readProc(each, "cmdline")?.endsWith(ending) === true && isAlive({ pid: each, startTime: null }));
  return pid === undefined ? null : markProcess(pid);
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function tryKill(target: number): void {
  try {
    process.kill(target, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}
