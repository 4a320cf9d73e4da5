/** The counters of the rate limits, in the memory of one isolate. `rate-limits.ts` applies them. */
import { WindowCounter } from "@samovar/domain/window-counter";

const WINDOW_MS = 60_000;
const MAX_KEYS = 10_000;

export interface RateCounters {
  readonly wrongSecrets: WindowCounter;
  readonly setups: WindowCounter;
  readonly deviceLogins: WindowCounter;
  readonly changes: WindowCounter;
  readonly nodeRequests: WindowCounter;
}

/** One set for each app, which lives as long as its isolate. */
export function createRateCounters(): RateCounters {
  const counter = () => new WindowCounter(WINDOW_MS, MAX_KEYS);
  return {
    wrongSecrets: counter(),
    setups: counter(),
    deviceLogins: counter(),
    changes: counter(),
    nodeRequests: counter(),
  };
}
