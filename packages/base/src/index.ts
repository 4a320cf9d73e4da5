/** The ground that everything stands on: ids, time, results, assertions, redaction. Imports nothing. */
export * from "./assert.ts";
export * from "./backoff.ts";
export * from "./clock.ts";
export * from "./ids.ts";
export * from "./ip-address.ts";
export * from "./log.ts";
export * from "./parse-json.ts";
export * from "./public-host.ts";
export * from "./redact.ts";
export * from "./result.ts";
export * from "./running-clock.ts";
export * from "./terminal-sequences.ts";
export * from "./visible-text.ts";
