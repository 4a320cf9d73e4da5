/** A process's facts from Linux's `/proc/<pid>/stat`; see proc(5). Not available on other systems. */
import { existsSync, readFileSync } from "node:fs";

export const HAS_PROC = existsSync("/proc/self/stat");

export interface ProcessStat {
  /** One letter: R runs or wants to, S sleeps, D waits for a disk, T is stopped, Z is dead and not yet collected. */
  readonly state: string;
  /** In clock ticks since the machine's boot: with the number, it names one process. */
  readonly startTime: string;
  /** CPU time used so far, in milliseconds, all threads together. */
  readonly cpuMs: number;
}

/** The kernel counts in hundredths of a second here (USER_HZ), whatever its own tick is. */
const TICK_MS = 10;

/** Null for a process that is gone, and where there is no `/proc`. */
export function readStat(pid: number): ProcessStat | null {
  const text = readProc(pid, "stat");
  if (text === null) return null;
  // The name stands in brackets and may hold anything; the fields after it are counted from 3.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    startTime: fields[19] ?? "",
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
  };
}

export function readProc(pid: number, file: "stat" | "cmdline"): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return null;
  }
}
