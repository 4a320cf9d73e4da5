/** Calls to the control plane: same origin, JSON, every answer parsed, every failure an {@link ApiError}. */
import { assertNever } from "@samovar/base";
import { type ApiCall, encodeCall, type Parser } from "@samovar/client/api-call";
import { ApiClient } from "@samovar/client/api-client";
import { readAnswer } from "@samovar/client/read-answer";
import type { ErrorCode } from "@samovar/contracts";
import { serverClock } from "../lib/server-clock.ts";

/** `unreachable`: no answer came, so nothing is known. `unreadable`: an answer that this page does not understand. */
export type ApiErrorCode = ErrorCode | "unreachable" | "unreadable";

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: ApiErrorCode;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ApiErrorCode,
    message: string,
    requestId: string | null = null,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.details = details;
  }
}

/** For answers that carry nothing. */
export const anything: Parser<unknown> = { safeParse: (data) => ({ success: true, data }) };

interface CallOptions {
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

const UNREACHABLE = "Samovar did not answer. Check that it is running and that you are online.";
const UNREADABLE = "Samovar's answer could not be read. Reload the page; it may be older than the server.";

/** Throws {@link ApiError}, or the abort of the call's signal. */
export const api = new ApiClient<CallOptions>(
  async (path, schema, call, { signal } = {}) => {
    const response = await send(path, call, signal);
    serverClock.learn(response.headers.get("date"));
    return readValue(response, schema);
  },
  () => crypto.randomUUID(),
);

/** What an answer says; throws {@link ApiError} when it is a refusal or makes no sense. */
export async function readValue<T>(response: Response, schema: Parser<T>): Promise<T> {
  const answer = readAnswer(response.status, await response.text().catch(() => ""), schema);
  switch (answer.kind) {
    case "value":
      return answer.value;
    case "refused": {
      const { code, message, requestId, details } = answer.error;
      throw new ApiError(code, message, requestId, details);
    }
    case "failed":
      throw new ApiError(
        toCode(answer.status),
        `Samovar answered with status ${answer.status}. Try again in a moment.`,
      );
    case "unreadable":
      throw new ApiError("unreadable", UNREADABLE, response.headers.get("x-request-id"));
    default:
      return assertNever(answer, "answer");
  }
}

async function send(path: string, call: ApiCall, signal: AbortSignal | undefined): Promise<Response> {
  try {
    // With the cookie: fetch sends it to the page's own origin.
    return await fetch(path, { ...encodeCall(call), signal: signal ?? null });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiError("unreachable", UNREACHABLE);
  }
}

function toCode(status: number): ApiErrorCode {
  if (status === 401) return "unauthenticated";
  return status >= 500 ? "unavailable" : "unreadable";
}

export function isApiError(error: unknown, code?: ApiErrorCode): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}
