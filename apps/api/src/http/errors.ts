/** Turns anything thrown into the body of an HTTP error. Unexpected errors are logged and returned as `internal`. */
import { ERROR_CATALOGUE, SamovarError } from "@samovar/contracts";
import type { ErrorBody, ErrorCode } from "@samovar/contracts";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppContext } from "./context.ts";

export function respondWithError(error: unknown, c: Context<AppContext>): Response {
  const known = toKnownError(error);
  const requestId = c.get("requestId");
  if (known === null) c.get("logger").error("http.failed", { error: describe(error) });
  const { code, message, details } = known ?? INTERNAL;
  const body: ErrorBody = { error: { code, message, requestId, ...(details === undefined ? {} : { details }) } };
  const wait = details?.["retryAfterMs"];
  if (typeof wait === "number") c.header("retry-after", String(Math.ceil(wait / 1000)));
  return c.json(body, ERROR_CATALOGUE[code].status);
}

interface KnownError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

const INTERNAL: KnownError = { code: "internal", message: "Something went wrong on our side. Try again in a moment." };

function toKnownError(error: unknown): KnownError | null {
  if (error instanceof SamovarError) return error;
  if (isKnownError(error)) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return { code: "invalid_request", message: "The body is not valid JSON." };
  }
  return null;
}

/** An error of ours that came over RPC has lost its class, but not its name and code. */
function isKnownError(error: unknown): error is Error & KnownError {
  return error instanceof Error && error.name === "SamovarError" && "code" in error && isCode(error.code);
}

const isCode = (code: unknown): code is ErrorCode => typeof code === "string" && Object.hasOwn(ERROR_CATALOGUE, code);

function describe(error: unknown): { name: string; message: string; stack?: string | undefined } {
  if (!(error instanceof Error)) return { name: "unknown", message: String(error) };
  return { name: error.name, message: error.message, stack: error.stack };
}
