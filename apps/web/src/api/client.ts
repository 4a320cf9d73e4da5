/** Calls to the control plane: same origin, JSON, every answer parsed, every failure an {@link ApiError}. */
import { assertNever } from "@samovar/base";
import { type ApiCall, encodeCall, type Parser } from "@samovar/client/api-call";
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

export interface CallOptions extends ApiCall {
  readonly signal?: AbortSignal;
}

const UNREACHABLE = "Samovar did not answer. Check that it is running and that you are online.";
const UNREADABLE = "Samovar's answer could not be read. Reload the page; it may be older than the server.";

/** Throws {@link ApiError}, or the abort of `signal`. */
export async function call<T>(path: string, schema: Parser<T>, options: CallOptions = {}): Promise<T> {
  const response = await send(path, options);
  serverClock.learn(response.headers.get("date"));
  return valueOf(response, schema);
}

/** What an answer says; throws {@link ApiError} when it is a refusal or makes no sense. */
export async function valueOf<T>(response: Response, schema: Parser<T>): Promise<T> {
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
        codeOf(answer.status),
        `Samovar answered with status ${answer.status}. Try again in a moment.`,
      );
    case "unreadable":
      throw new ApiError("unreadable", UNREADABLE, response.headers.get("x-request-id"));
    default:
      return assertNever(answer, "answer");
  }
}

async function send(path: string, { signal, ...call }: CallOptions): Promise<Response> {
  const { method = "GET" } = call;
  // Anything but a reading says that it sends JSON: a form on another site cannot.
  const { headers, body } = encodeCall(
    method === "GET" ? { ...call, body: undefined } : { ...call, body: call.body ?? {} },
  );
  try {
    return await fetch(`/api${path}`, {
      method,
      headers,
      credentials: "same-origin",
      body,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiError("unreachable", UNREACHABLE);
  }
}

function codeOf(status: number): ApiErrorCode {
  if (status === 401) return "unauthenticated";
  return status >= 500 ? "unavailable" : "unreadable";
}

export function isApiError(error: unknown, code?: ApiErrorCode): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}
