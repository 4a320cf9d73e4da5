/** Processes that outlive us: known by number and start time, ended with their group. */
import { existsSync, readFileSync } from "node:fs";
import type { ProcessMark } from "./store/rows.ts";

const HAS_PROC = existsSync("/proc/self/stat");

/** The mark of a process that runs now. */
export function markProcess(pid: number): ProcessMark {
  return { pid, startTime: readStat(pid)?.startTime ?? null };
}

/** Whether this very process still runs; a zombie does not. Where there is no /proc, the number alone tells. */
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

function readStat(pid: number): { readonly state: string; readonly startTime: string } | null {
  const text = readProc(pid, "stat");
  if (text === null) return null;
  // The name stands in brackets and may hold anything; the fields after it are counted from 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTime: fields[19] ?? "" };
}

function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return null;
  }
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
