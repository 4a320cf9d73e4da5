/** An error that a command shows to its user: what is wrong, and what to do about it. */
import type { ErrorCode } from "@samovar/contracts";

/** Exit code of a command that could not run; a failed task is 1. */
export const EXIT_UNABLE = 2;

export class CliError extends Error {
  override readonly name = "CliError";
  /** What to do next; null when the message already says so. */
  readonly hint: string | null;
  /** The control plane's error code; null for errors of the CLI itself. */
  readonly code: ErrorCode | null;

  constructor(message: string, hint: string | null = null, code: ErrorCode | null = null) {
    super(message);
    this.hint = hint;
    this.code = code;
  }
}

/** The control plane cannot be reached. */
export class UnreachableError extends CliError {
  constructor(message = "No Samovar is running for this data directory.") {
    super(message, "Start it with: samovar up");
  }
}
