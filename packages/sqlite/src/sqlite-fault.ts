/** What an error of SQLite means to its caller. */

/** SQLite's primary result codes. */
const CODES = { busy: [5, 6], corrupt: [11], full: [13], notADatabase: [26] } as const;
export type SqliteFault = keyof typeof CODES | "other";

/** `integrity_check` found damage. */
export class IntegrityError extends Error {
  override readonly name = "IntegrityError";
}

/** `busy` is another connection's lock; `other` includes errors that are not SQLite's. */
export function sqliteFault(error: unknown): SqliteFault {
  if (error instanceof IntegrityError) return "corrupt";
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return "other";
  // The low byte is the primary code; the rest says more of it.
  const code = error.errcode & 0xff;
  const faults = ["busy", "corrupt", "full", "notADatabase"] as const;
  return faults.find((fault) => CODES[fault].some((one) => one === code)) ?? "other";
}
