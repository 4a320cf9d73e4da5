/**
 * How a test waits for what must come. A wait ends as soon as it can. One in vain fails with what was seen last, after
 * `PATIENCE_MS` of time in which the machine had a core for it: beside busy programs a wait lasts as much longer as
 * everything else does.
 */

/** Milliseconds without news. What is seen may change in between (a task comes on): then the patience begins anew. */
export const PATIENCE_MS = 20_000;
const INTERVAL_MS = 50;

export interface WaitOptions {
  /** Milliseconds without news until the wait is given up. */
  readonly timeout?: number;
  /** Milliseconds between two looks. */
  readonly interval?: number;
}

/** The share of a core that a process gets on this machine now: 1 on a quiet one. */
export type CoreShare = () => number;

/** Waits until `look` no longer throws, and returns what it returned. Throws what it threw last. */
export async function waitPatiently<T>(
  look: () => T | Promise<T>,
  coreShare: CoreShare,
  { timeout = PATIENCE_MS, interval = INTERVAL_MS }: WaitOptions = {},
): Promise<T> {
  let seen = "";
  for (let left = timeout; ; left -= await pause(interval, coreShare)) {
    try {
      return await look();
    } catch (error) {
      if (left <= 0) throw inVain(error, timeout);
      if (String(error) !== seen) left = timeout;
      seen = String(error);
    }
  }
}

/** Resolves with the milliseconds that count. A process that was not run for a while cannot have seen anything: it counts one interval. */
async function pause(interval: number, coreShare: CoreShare): Promise<number> {
  const startedAt = performance.now();
  await new Promise((resolve) => {
    setTimeout(resolve, interval);
  });
  return Math.min(performance.now() - startedAt, 2 * interval) * coreShare();
}

function inVain(error: unknown, timeout: number): unknown {
  if (error instanceof Error) error.message = `waited ${timeout} ms in vain: ${error.message}`;
  return error;
}
