/** The closed catalogue of errors: code, HTTP status, whose fault, whether a retry may help. */
import * as z from "zod";

export const ERROR_CATALOGUE = {
  invalid_request: { status: 400, fault: "caller", retriable: false },
  unauthenticated: { status: 401, fault: "caller", retriable: false },
  forbidden: { status: 403, fault: "caller", retriable: false },
  not_found: { status: 404, fault: "caller", retriable: false },
  method_not_allowed: { status: 405, fault: "caller", retriable: false },
  conflict: { status: 409, fault: "caller", retriable: false },
  credentials_missing: { status: 409, fault: "caller", retriable: false },
  agent_not_configured: { status: 409, fault: "caller", retriable: false },
  payload_too_large: { status: 413, fault: "caller", retriable: false },
  unsupported_media_type: { status: 415, fault: "caller", retriable: false },
  upgrade_required: { status: 426, fault: "caller", retriable: false },
  rate_limited: { status: 429, fault: "caller", retriable: true },
  internal: { status: 500, fault: "samovar", retriable: true },
  provider_error: { status: 502, fault: "provider", retriable: true },
  newer_data: { status: 503, fault: "samovar", retriable: false },
  unavailable: { status: 503, fault: "samovar", retriable: true },
} as const satisfies Record<string, { status: number; fault: "caller" | "samovar" | "provider"; retriable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;
export const errorCode = z.enum(Object.keys(ERROR_CATALOGUE) as [ErrorCode, ...ErrorCode[]]);

/** The body of every HTTP error. `message` is for a person and says what to do next. */
export const errorBody = z.object({
  error: z.object({
    code: errorCode,
    message: z.string(),
    requestId: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

/** An error that maps onto the catalogue; thrown inside the control plane, mapped once at the HTTP edge. */
export class SamovarError extends Error {
  override readonly name = "SamovarError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, details?: Readonly<Record<string, unknown>>) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Why a task, node or workspace failed: a stable code and a sentence that a person can act on. */
export const failure = z.object({ code: z.string().max(64), message: z.string().max(4000) });
export type Failure = z.infer<typeof failure>;
