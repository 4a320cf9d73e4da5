/** One HTTP request to the control plane. Parses every response and turns every refusal into a {@link CliError} with a hint. */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { type ApiCall, encodeCall, type Parser } from "@samovar/client/api-call";
import { type Answer, readAnswer } from "@samovar/client/read-answer";
import type { ErrorBody } from "@samovar/contracts";
import { CliError, UnreachableError } from "./errors.ts";

export interface Endpoint {
  readonly url: string;
  /** Empty before signing in. */
  readonly token: string;
}

export interface Attempt {
  readonly endpoint: Endpoint;
  /** Aborted when the response times out. */
  readonly signal: AbortSignal;
  /** Whether an earlier attempt at the same request may have been carried out. */
  readonly mayHaveActed: boolean;
  /** Called for each chunk of a long response; restarts the timeout. */
  readonly onProgress: () => void;
}

/** The outcome of an attempt. `mayHaveActed`: the request may have been carried out although no response arrived. */
export type Outcome<T> =
  | { readonly answered: true; readonly value: T }
  | { readonly answered: false; readonly mayHaveActed: boolean; readonly error: CliError };

export type Request<T> = (attempt: Attempt) => Promise<Outcome<T>>;

/** Sends a request, once or with retries. Throws when no response arrives. */
export type Transport = <T>(request: Request<T>, rules: Rules) => Promise<T>;

export interface Rules {
  /** The request is idempotent. */
  readonly isSafeToRepeat: boolean;
  readonly changesNothing: boolean;
  /** Samovar calls a node or an external service first, so a late response does not mean that Samovar is stuck. */
  readonly takesLong: boolean;
}

/** For a download, only a refusal's message is read. */
const NOTHING: Parser<null> = { safeParse: () => ({ success: true, data: null }) };

const JSON_MAX_BYTES = 64 * 1024 * 1024;
/** Treated as unanswered whatever the body says: a retry may succeed. */
const RETRIABLE_STATUSES = new Set([429, 503]);
/** Error codes with which the request never left this machine. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

export function getRules({ method = "GET", idempotencyKey }: ApiCall, takesLong: boolean): Rules {
  const isSafeToRepeat = method === "GET" || method === "PUT" || method === "DELETE" || idempotencyKey !== undefined;
  return { isSafeToRepeat, changesNothing: method === "GET", takesLong };
}

/** `path` begins with `/api`. Throws {@link CliError} for a refusal and for a response of another shape. */
export async function call<T>(
  attempt: Attempt,
  path: string,
  schema: Parser<T>,
  options: ApiCall,
): Promise<Outcome<T>> {
  const opened = await open(attempt, path, options);
  if (!opened.answered) return opened;
  const { method = "GET" } = options;
  const status = opened.value.statusCode ?? 0;
  const read = await readAll(opened.value, JSON_MAX_BYTES, path);
  if (!read.answered) return read;
  // An earlier attempt deleted it, and its response was lost.
  const isGone = method === "DELETE" && status === 404 && attempt.mayHaveActed;
  const answer = isGone ? readAnswer(204, "", schema) : readAnswer(status, decode(read.value), schema);
  if (RETRIABLE_STATUSES.has(status)) return failWith(true, toError(answer, method, path));
  if (answer.kind === "value") return { answered: true, value: answer.value };
  throw toError(answer, method, path);
}

/**
 * The whole body of a response that is not JSON. Throws {@link CliError} when it is refused, cut off, or longer than
 * `maxBytes`.
 */
export async function download(attempt: Attempt, path: string, maxBytes: number): Promise<Outcome<Uint8Array>> {
  const opened = await open(attempt, path, {});
  if (!opened.answered) return opened;
  const status = opened.value.statusCode ?? 0;
  if (isOk(status)) {
    const whole = await readAll(opened.value, maxBytes, path, attempt.onProgress);
    if (whole.answered) return whole;
    throw whole.error;
  }
  const read = await readAll(opened.value, JSON_MAX_BYTES, path);
  if (!read.answered) return read;
  const refused = toError(readAnswer(status, decode(read.value), NOTHING), "GET", path);
  if (RETRIABLE_STATUSES.has(status)) return failWith(true, refused);
  throw refused;
}

/** Sends the request and resolves with the response's head. */
async function open({ endpoint, signal }: Attempt, path: string, options: ApiCall): Promise<Outcome<IncomingMessage>> {
  const url = new URL(path, endpoint.url);
  const send = url.protocol === "https:" ? (await import("node:https")).request : httpRequest;
  const encoded = encodeCall(options);
  const body = encoded.body === null ? null : Buffer.from(encoded.body);
  const headers: Record<string, string> = {
    ...encoded.headers,
    accept: "application/json, application/octet-stream",
    ...(endpoint.token === "" ? {} : { authorization: `Bearer ${endpoint.token}` }),
  };
  if (body !== null) headers["content-length"] = String(body.length);
  const { promise, resolve } = Promise.withResolvers<Outcome<IncomingMessage>>();
  const request = send(url, { method: encoded.method, headers, signal });
  request.on("response", (response) => resolve({ answered: true, value: response }));
  // Also fires for a connection that breaks in the middle of a response; then the promise is already resolved.
  request.on("error", (error: NodeJS.ErrnoException) =>
    resolve(failWith(!NEVER_SENT.has(error.code ?? ""), new UnreachableError())),
  );
  request.end(body);
  return promise;
}

async function readAll(
  response: IncomingMessage,
  maxBytes: number,
  path: string,
  onProgress: () => void = () => {},
): Promise<Outcome<Uint8Array>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      const piece = Buffer.from(chunk);
      bytes += piece.length;
      if (bytes > maxBytes) throw new CliError(`Samovar's response to GET ${path} is too large.`);
      chunks.push(piece);
      onProgress();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    return failWith(true, new CliError("Samovar's response was cut off.", "Try again in a moment."));
  }
  return { answered: true, value: Buffer.concat(chunks) };
}

const isOk = (status: number): boolean => status >= 200 && status < 300;

const failWith = (mayHaveActed: boolean, error: CliError): Outcome<never> => ({
  answered: false,
  mayHaveActed,
  error,
});

const decode = (body: Uint8Array): string => Buffer.from(body).toString("utf8");

function toError(answer: Answer<unknown>, method: string, path: string): CliError {
  switch (answer.kind) {
    case "refused":
      return toRefusal(answer.error);
    case "failed":
      return new CliError(`Samovar answered with HTTP status ${answer.status}.`, "Try again in a moment.");
    default: {
      const where = answer.kind === "unreadable" && answer.at !== "" ? ` (${answer.at})` : "";
      return new CliError(
        `Samovar's response to ${method} ${path.split("?")[0]} could not be read${where}.`,
        "The CLI and the running Samovar may have different versions. Restart it with: samovar up",
      );
    }
  }
}

function toRefusal({ code, message, requestId }: ErrorBody["error"]): CliError {
  switch (code) {
    case "unauthenticated":
      return new CliError(
        message,
        "Samovar does not accept this data directory's API token. Restart it with: samovar up",
        code,
      );
    case "credentials_missing":
    case "agent_not_configured":
      return new CliError(
        message,
        "See what is missing with: samovar agents. Store a credential with: samovar credentials set KIND",
        code,
      );
    case "internal":
      return new CliError(message, `Look for request ${requestId} in Samovar's log.`, code);
    case "unavailable":
    case "rate_limited":
      return new CliError(message, "Try again in a moment.", code);
    default:
      return new CliError(message, null, code);
  }
}
