/** What Linux says of the load. Elsewhere a process is taken to have a core. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Cores for each process that could run at this moment, at most 1. Source: proc_loadavg(5), "runnable/total". */
export function coreShare(): number {
  const runnable = Number(/(\d+)\/\d+/.exec(loadavg())?.[1] ?? 1);
  return Math.min(1, availableParallelism() / Math.max(1, runnable));
}

function loadavg(): string {
  try {
    return readFileSync("/proc/loadavg", "utf8");
  } catch {
    return "";
  }
}
