/**
 * How a test waits. A wait ends as soon as its check passes. Without progress for `WAIT_TIMEOUT_MS` it fails with the last
 * failure of the check. The timeout counts only time in which the machine had a core for the test, so that a busy machine
 * changes nothing but the duration.
 */

/** Milliseconds without progress. When the check fails in another way than before, the time starts again. */
export const WAIT_TIMEOUT_MS = 20_000;
const INTERVAL_MS = 50;

export interface WaitOptions {
  /** Milliseconds without progress. */
  readonly timeout?: number;
  /** Milliseconds between two checks. */
  readonly interval?: number;
}

/** The share of a core that a process gets on this machine now: 1 on a quiet one. */
export type GetCoreShare = () => number;

/** Repeats `check` until it no longer throws. Returns its result; on a timeout throws its last error. */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  getCoreShare: GetCoreShare,
  { timeout = WAIT_TIMEOUT_MS, interval = INTERVAL_MS }: WaitOptions = {},
): Promise<T> {
  let lastFailure = "";
  for (let left = timeout; ; left -= await pause(interval, getCoreShare)) {
    try {
      return await check();
    } catch (error) {
      if (left <= 0) throw withTimeout(error, timeout);
      if (String(error) !== lastFailure) left = timeout;
      lastFailure = String(error);
    }
  }
}

/** Resolves with the milliseconds that count: at most two intervals, since a late timer means that this process could not run. */
async function pause(interval: number, getCoreShare: GetCoreShare): Promise<number> {
  const startedAt = performance.now();
  await new Promise((resolve) => {
    setTimeout(resolve, interval);
  });
  return Math.min(performance.now() - startedAt, 2 * interval) * getCoreShare();
}

function withTimeout(error: unknown, timeout: number): unknown {
  if (error instanceof Error) error.message = `no progress for ${timeout} ms: ${error.message}`;
  return error;
}
