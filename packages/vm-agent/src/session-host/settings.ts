/** The session host's settings, parsed once from the environment; all errors are reported together. */
import type { LogLevel } from "@samovar/base";
import type { OutboxSettings } from "@samovar/outbox";
import { DEFAULT_OUTBOX_SETTINGS as DEFAULTS } from "@samovar/outbox";
import * as z from "zod";

const integer = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const environment = z
  .object({
    MSG_BATCH_MAX_WAIT_MS: integer(DEFAULTS.maxWaitMs, 0, 60_000),
    MSG_BATCH_MIN_INTERVAL_MS: integer(DEFAULTS.minIntervalMs, 0, 60_000),
    MSG_BATCH_MAX_SIZE: integer(DEFAULTS.rows, 1, 100),
    MSG_BATCH_MAX_BYTES: integer(DEFAULTS.bytes, 1024, 196_608),
    MSG_OUTBOX_MAX_ROWS: integer(DEFAULTS.maxRows, 10, 1_000_000),
    MSG_OUTBOX_FULL_POLICY: z.enum(["pause", "drop_oldest"]).default(DEFAULTS.fullPolicy),
    MSG_RETRY_INITIAL_MS: integer(DEFAULTS.retryInitialMs, 1, 600_000),
    MSG_RETRY_MAX_MS: integer(DEFAULTS.retryMaxMs, 1, 3_600_000),
  })
  .refine((env) => env.MSG_BATCH_MIN_INTERVAL_MS <= env.MSG_BATCH_MAX_WAIT_MS, {
    error: "must not be more than MSG_BATCH_MAX_WAIT_MS",
    path: ["MSG_BATCH_MIN_INTERVAL_MS"],
  })
  .refine((env) => env.MSG_RETRY_INITIAL_MS <= env.MSG_RETRY_MAX_MS, {
    error: "must not be more than MSG_RETRY_MAX_MS",
    path: ["MSG_RETRY_INITIAL_MS"],
  });

/** The daemon has the same environment and refuses an unknown level before it starts a host. */
const logLevel = z.enum(["debug", "info", "warn", "error"]).catch("info");

export function readLogLevel(env: Readonly<Record<string, string | undefined>>): LogLevel {
  return logLevel.parse(env["LOG_LEVEL"]);
}

/** Throws one error that names every invalid variable. */
export function readOutboxSettings(env: Readonly<Record<string, string | undefined>>): OutboxSettings {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`invalid outbox settings: ${faults.join("; ")}`);
  }
  return {
    rows: parsed.data.MSG_BATCH_MAX_SIZE,
    bytes: parsed.data.MSG_BATCH_MAX_BYTES,
    minIntervalMs: parsed.data.MSG_BATCH_MIN_INTERVAL_MS,
    maxWaitMs: parsed.data.MSG_BATCH_MAX_WAIT_MS,
    retryInitialMs: parsed.data.MSG_RETRY_INITIAL_MS,
    retryMaxMs: parsed.data.MSG_RETRY_MAX_MS,
    maxRows: parsed.data.MSG_OUTBOX_MAX_ROWS,
    fullPolicy: parsed.data.MSG_OUTBOX_FULL_POLICY,
  };
}
