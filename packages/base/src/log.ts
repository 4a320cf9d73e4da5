/** A log line is an event with fields, one JSON object a line, redacted. */
import type { Clock } from "./clock.ts";
import { redactFields } from "./redact.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger whose lines all carry `fields`. */
  with(fields: LogFields): Logger;
}

const SEVERITY: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** `write` gets one line without its newline. */
export function jsonLogger(options: {
  readonly clock: Clock;
  readonly write: (line: string) => void;
  readonly level?: LogLevel;
  readonly fields?: LogFields;
}): Logger {
  const { clock, write, level = "info", fields: bound = {} } = options;
  const emit =
    (at: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (SEVERITY[at] < SEVERITY[level]) return;
      const safe = redactFields({ ...bound, ...fields }) as LogFields;
      write(JSON.stringify({ at: new Date(clock.now()).toISOString(), level: at, event, ...safe }));
    };
  return {
    debug: emit("debug"),
    info: emit("info"),
    warn: emit("warn"),
    error: emit("error"),
    with: (fields) => jsonLogger({ ...options, fields: { ...bound, ...fields } }),
  };
}

export const silentLogger: Logger = jsonLogger({ clock: { now: () => 0 }, write: () => {} });
