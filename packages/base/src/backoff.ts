/** Growing pauses between attempts. */

export interface Backoff {
  /** After the first failure. */
  readonly initialMs: number;
  readonly maxMs: number;
}

/** 2 ** 30 times any pause is longer than every limit. */
const MAX_DOUBLINGS = 30;

/**
 * The pause in whole milliseconds after `failures` failures in a row, counted from 1: it doubles from `initialMs` to
 * `maxMs`. `jitter`, uniform in [0, 1), picks a pause between half of that and the whole, so that many clients do not
 * return at once; without it, the whole.
 */
export function backoffMs(failures: number, { initialMs, maxMs }: Backoff, jitter = 1): number {
  const fullMs = Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, MAX_DOUBLINGS));
  return Math.round(fullMs * (0.5 + jitter / 2));
}
