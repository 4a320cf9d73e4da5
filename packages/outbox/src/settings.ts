/** Settings of an outbox; the session host reads them from `MSG_*`. */
import type { FlushSettings } from "@samovar/domain/outbox-flush";

export interface OutboxSettings extends FlushSettings {
  /** Rows that may wait for the store. */
  readonly maxRows: number;
  /** At `maxRows`: pause the agent, or drop the oldest finished messages and report it. */
  readonly fullPolicy: "pause" | "drop_oldest";
}

export const DEFAULT_OUTBOX_SETTINGS: OutboxSettings = {
  rows: 50,
  bytes: 65_536,
  minIntervalMs: 50,
  maxWaitMs: 2_000,
  retryInitialMs: 1_000,
  retryMaxMs: 30_000,
  maxRows: 10_000,
  fullPolicy: "pause",
};
