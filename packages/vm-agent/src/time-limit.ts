/** Time limits of this process's work. Time in which the process did not run does not count. */
import { RunningClock, limitSignal, systemClock, systemTimers } from "@samovar/base";

export interface Within {
  /** Aborted when the limit has passed, or with the outer signal. */
  readonly signal: AbortSignal;
  /** Whether the limit aborted the signal. */
  isLate(): boolean;
}

/** Runs `work` under a limit in milliseconds. `work` must observe the signal; what it throws is passed on. */
export async function withLimit<T>(
  limitMs: number,
  outer: AbortSignal,
  work: (within: Within) => Promise<T>,
): Promise<T> {
  const limit = limitSignal(new RunningClock(systemClock, systemTimers), limitMs);
  try {
    return await work({
      signal: AbortSignal.any([outer, limit.signal]),
      isLate: () => limit.signal.aborted && !outer.aborted,
    });
  } finally {
    limit.cancel();
  }
}
