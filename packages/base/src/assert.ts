/** Assertions for what must hold by construction; a failure is a bug, never a user's mistake. */

export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@link InvariantError} unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Makes a `switch` over a union exhaustive: the compiler refuses a case that is left out. */
export function assertNever(value: never, what = "value"): never {
  throw new InvariantError(`unexpected ${what}: ${JSON.stringify(value)}`);
}

/** Text for any thrown value, for logs and for `failure.message`. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
