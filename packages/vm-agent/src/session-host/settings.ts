/** The session host's settings, parsed once from the environment; all errors are reported together. */
import type { LogLevel } from "@samovar/base";
import { nodeEnvironment } from "@samovar/contracts";
import { type OutboxSettings, toOutboxSettings } from "@samovar/outbox";

/** The daemon has the same environment and refuses an unknown level before it starts a host. */
const logLevel = nodeEnvironment.shape.LOG_LEVEL.catch("info");

export function readLogLevel(env: Readonly<Record<string, string | undefined>>): LogLevel {
  return logLevel.parse(env["LOG_LEVEL"]);
}

/** Throws one error that names every invalid variable. */
export function readOutboxSettings(env: Readonly<Record<string, string | undefined>>): OutboxSettings {
  const parsed = nodeEnvironment.safeParse(env);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`invalid outbox settings: ${faults.join("; ")}`);
  }
  return toOutboxSettings(parsed.data);
}
