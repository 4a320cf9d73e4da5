/** What a command tells a person when it cannot go on: what is wrong, and what to do about it. */
import type { ErrorCode } from "@samovar/contracts";

/** Exit code of a command that could not do what was asked; a task that failed is 1. */
export const EXIT_UNABLE = 2;

export class CliError extends Error {
  override readonly name = "CliError";
  /** What to do next; null when the message says it. */
  readonly hint: string | null;
  /** The control plane's code, when it refused. */
  readonly code: ErrorCode | null;

  constructor(message: string, hint: string | null = null, code: ErrorCode | null = null) {
    super(message);
    this.hint = hint;
    this.code = code;
  }
}

/** No control plane answers where one should be. */
export class UnreachableError extends CliError {
  constructor(message = "No Samovar is running for this data directory.") {
    super(message, "Start it with: samovar up");
  }
}
