/** Calls to the control plane: same origin, JSON, every answer parsed, every failure an {@link ApiError}. */
import { errorBody, type ErrorCode } from "@samovar/contracts";
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

/** A schema of the contracts, as far as it is used here. */
export interface Reads<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false };
}

/** For answers that carry nothing. */
export const anything: Reads<unknown> = { safeParse: (data) => ({ success: true, data }) };

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** A UUID: the same key again is answered as the first time. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

const UNREACHABLE = "Samovar did not answer. Check that it is running and that you are online.";
const UNREADABLE = "Samovar's answer could not be read. Reload the page; it may be older than the server.";

/** Throws {@link ApiError}, or the abort of `signal`. */
export async function call<T>(path: string, schema: Reads<T>, options: CallOptions = {}): Promise<T> {
  const response = await send(path, options);
  serverClock.learn(response.headers.get("date"));
  return readAnswer(response, schema);
}

/** What an answer says; throws {@link ApiError} when it is a refusal or makes no sense. */
export async function readAnswer<T>(response: Response, schema: Reads<T>): Promise<T> {
  const text = await response.text().catch(() => "");
  const json = parseJson(text);
  if (!response.ok) throw refusal(response, json);
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new ApiError("unreadable", UNREADABLE, response.headers.get("x-request-id"));
  return parsed.data;
}

async function send(path: string, { method = "GET", body, idempotencyKey, signal }: CallOptions): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["content-type"] = "application/json";
  if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
  try {
    return await fetch(`/api${path}`, {
      method,
      headers,
      credentials: "same-origin",
      ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new ApiError("unreachable", UNREACHABLE);
  }
}

function refusal(response: Response, json: unknown): ApiError {
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) {
    const code = response.status === 401 ? "unauthenticated" : response.status >= 500 ? "unavailable" : "unreadable";
    return new ApiError(code, `Samovar answered with status ${response.status}. Try again in a moment.`);
  }
  const { code, message, requestId, details } = parsed.data.error;
  return new ApiError(code, message, requestId, details);
}

function parseJson(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isApiError(error: unknown, code?: ApiErrorCode): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}
