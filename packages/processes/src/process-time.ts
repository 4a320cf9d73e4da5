/**
 * The part of a time span in which a process could have acted: none while it is stopped or waits for a disk, only what
 * it was given while it competes for CPU, all of it while it sleeps. A limit that judges a process is measured in it.
 */
import type { CountedTime } from "@samovar/base";
import type { ProcessStat } from "./proc.ts";
import { readStat } from "./proc.ts";

/** `pid`: the process to look at now; null counts everything, and so does a system that reports nothing about processes. */
export function processTime(
  pid: () => number | null,
  read: (pid: number) => ProcessStat | null = readStat,
): CountedTime {
  let before: { readonly pid: number; readonly stat: ProcessStat } | null = null;
  return (elapsedMs) => {
    const current = pid();
    const stat = current === null ? null : read(current);
    const since = before !== null && before.pid === current ? before.stat : null;
    before = current === null || stat === null ? null : { pid: current, stat };
    return stat === null ? elapsedMs : countedMs(elapsedMs, since, stat);
  };
}

/** A span at whose beginning or end the process was stopped is not counted. */
function countedMs(elapsedMs: number, before: ProcessStat | null, { state, cpuMs }: ProcessStat): number {
  if (isHeld(state) || (before !== null && isHeld(before.state))) return 0;
  if (state !== "R") return elapsedMs;
  return before === null ? 0 : Math.min(elapsedMs, cpuMs - before.cpuMs);
}

/** Stopped by a signal or a tracer, or in a wait that no signal ends. */
const isHeld = (state: string): boolean => state === "T" || state === "t" || state === "D";
