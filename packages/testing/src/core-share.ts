/** The machine's load as Linux reports it. Other systems count as idle. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Cores per runnable process at this moment, at most 1. Source: proc_loadavg(5), "runnable/total". */
export function getCoreShare(): number {
  const runnable = Number(/(\d+)\/\d+/.exec(readLoadavg())?.[1] ?? 1);
  return Math.min(1, availableParallelism() / Math.max(1, runnable));
}

function readLoadavg(): string {
  try {
    return readFileSync("/proc/loadavg", "utf8");
  } catch {
    return "";
  }
}
