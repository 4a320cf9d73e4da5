/** Limits on our own work. Time in which this process did not run is not counted: a stopped daemon finds nothing late. */
import { RunningClock, limitSignal, systemClock, systemTimers } from "@samovar/base";

export interface Within {
  /** Aborted when the limit has passed, or with the outer signal. */
  readonly signal: AbortSignal;
  /** Whether it was the limit. */
  isLate(): boolean;
}

/** Does `work` under a limit in milliseconds. What it throws, and whether it heeds the signal, is its own affair. */
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
