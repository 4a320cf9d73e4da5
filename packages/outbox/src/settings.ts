/** Settings of an outbox: the variables `MSG_*` of a node. */
import type { NodeEnvironment } from "@samovar/contracts";
import type { FlushSettings } from "@samovar/domain/outbox-flush";

export interface OutboxSettings extends FlushSettings {
  /** Rows that may wait for the store. */
  readonly maxRows: number;
  /** At `maxRows`: pause the agent, or drop the oldest finished messages and report it. */
  readonly fullPolicy: "pause" | "drop_oldest";
}

export function toOutboxSettings(env: NodeEnvironment): OutboxSettings {
  return {
    rows: env.MSG_BATCH_MAX_SIZE,
    bytes: env.MSG_BATCH_MAX_BYTES,
    minIntervalMs: env.MSG_BATCH_MIN_INTERVAL_MS,
    maxWaitMs: env.MSG_BATCH_MAX_WAIT_MS,
    retryInitialMs: env.MSG_RETRY_INITIAL_MS,
    retryMaxMs: env.MSG_RETRY_MAX_MS,
    maxRows: env.MSG_OUTBOX_MAX_ROWS,
    fullPolicy: env.MSG_OUTBOX_FULL_POLICY,
  };
}
