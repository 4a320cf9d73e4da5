/** Durable delivery of a session's messages: one SQLite file, one sender. Keeps M1, M2. */
export * from "./delivery.ts";
export * from "./http-transport.ts";
export * from "./open.ts";
export * from "./send-request.ts";
export * from "./session-record.ts";
export * from "./settings.ts";
export * from "./store.ts";
