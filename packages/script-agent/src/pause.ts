/** Waiting that can be called off. */
import type { Timers } from "@samovar/base";

/** Resolves after `durationMs` (null: never by itself), or as soon as `signal` is aborted. */
export function pause(
  durationMs: number | null,
  { signal, timers }: { signal: AbortSignal; timers: Timers },
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      cancelTimer();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancelTimer = durationMs === null ? () => {} : timers.after(durationMs, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
