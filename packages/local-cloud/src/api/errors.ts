/** Errors in Hetzner's shape: `{"error":{"code","message","details"}}`. */
import type { ContentfulStatusCode } from "hono/utils/http-status";

const STATUS = {
  json_error: 400,
  unauthorized: 401,
  not_found: 404,
  method_not_allowed: 405,
  uniqueness_error: 409,
  deprecated_api_endpoint: 410,
  payload_too_large: 413,
  invalid_input: 422,
  resource_in_use: 422,
  locked: 423,
  rate_limit_exceeded: 429,
  server_error: 500,
} as const satisfies Record<string, ContentfulStatusCode>;

export type ApiErrorCode = keyof typeof STATUS;

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  readonly status: ContentfulStatusCode;
  readonly details: unknown;

  constructor(code: ApiErrorCode, message: string, details: unknown = null) {
    super(message);
    this.code = code;
    this.status = STATUS[code];
    this.details = details;
  }

  body() {
    return { error: { code: this.code, message: this.message, details: this.details } };
  }
}

export function invalidField(field: string, message: string): ApiError {
  const details = { fields: [{ name: field, messages: [message] }] };
  return new ApiError("invalid_input", `invalid input in field '${field}'`, details);
}
