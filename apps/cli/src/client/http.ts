/** One HTTP request to the control plane: every answer parsed, every refusal a {@link CliError} with what to do. */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { errorBody } from "@samovar/contracts";
import { CliError, UnreachableError } from "./errors.ts";

export interface Endpoint {
  readonly url: string;
  readonly token: string;
}

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON. */
  readonly body?: unknown;
  /** A UUID: the same request with the same key again is answered as the first time. */
  readonly idempotencyKey?: string;
}

/** What is used of a schema: a zod schema of `T` is one. */
export interface Parser<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[] }[] };
      };
}

export interface Try {
  readonly endpoint: Endpoint;
  /** Aborted when the answer comes too late. */
  readonly signal: AbortSignal;
  /** Whether an earlier try of the same request may have been carried out. */
  readonly mayHaveActed: boolean;
  /** To be called for each part of a long answer: the limit begins anew. */
  readonly heard: () => void;
}

/** What a try came to. `mayHaveActed`: the request may have been carried out, though no answer came. */
export type Outcome<T> =
  | { readonly answered: true; readonly value: T }
  | { readonly answered: false; readonly mayHaveActed: boolean; readonly error: CliError };

export type Request<T> = (attempt: Try) => Promise<Outcome<T>>;

/** Sends a request: once, or again while it is not answered. Throws when no answer came. */
export type Transport = <T>(request: Request<T>, rules: Rules) => Promise<T>;

export interface Rules {
  /** A request that is sent twice has the effect of one. */
  readonly isSafeToRepeat: boolean;
  readonly changesNothing: boolean;
  /** Samovar asks a node or a service before it answers, so a late answer says nothing about Samovar. */
  readonly takesLong: boolean;
}

const JSON_MAX_BYTES = 64 * 1024 * 1024;
/** Not answered, whatever the body says: asked again, the control plane may answer. */
const RETRIABLE_STATUSES = new Set([429, 503]);
/** The request has not left this machine. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

export function rulesOf({ method = "GET", idempotencyKey }: Call, takesLong: boolean): Rules {
  const isSafeToRepeat = method === "GET" || method === "PUT" || method === "DELETE" || idempotencyKey !== undefined;
  return { isSafeToRepeat, changesNothing: method === "GET", takesLong };
}

/** `path` begins with `/api`. Throws {@link CliError} for a refusal and for an answer of another shape. */
export async function call<T>(attempt: Try, path: string, schema: Parser<T>, options: Call): Promise<Outcome<T>> {
  const opened = await open(attempt, path, options);
  if (!opened.answered) return opened;
  const { method = "GET" } = options;
  const status = opened.value.statusCode ?? 0;
  const read = await readAll(opened.value, JSON_MAX_BYTES, path);
  if (!read.answered) return read;
  const json = parseJson(read.value);
  if (RETRIABLE_STATUSES.has(status)) return unanswered(true, refusal(status, json));
  // An earlier try has deleted it, and its answer was lost.
  const isGone = method === "DELETE" && status === 404 && attempt.mayHaveActed;
  if (!isGone && !isOk(status)) throw refusal(status, json);
  const parsed = schema.safeParse(isGone ? null : json);
  if (parsed.success) return { answered: true, value: parsed.data };
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new CliError(
    `Samovar's answer to ${method} ${path.split("?")[0]} could not be read${where === "" ? "" : ` (${where})`}.`,
    "This CLI and the running Samovar may be of different versions: restart it with: samovar up",
  );
}

/**
 * The whole body of an answer that is not JSON. Throws {@link CliError} when it is refused, cut off, or longer than
 * `maxBytes`.
 */
export async function download(attempt: Try, path: string, maxBytes: number): Promise<Outcome<Uint8Array>> {
  const opened = await open(attempt, path, {});
  if (!opened.answered) return opened;
  const status = opened.value.statusCode ?? 0;
  if (isOk(status)) {
    const whole = await readAll(opened.value, maxBytes, path, attempt.heard);
    if (whole.answered) return whole;
    throw whole.error;
  }
  const read = await readAll(opened.value, JSON_MAX_BYTES, path);
  if (!read.answered) return read;
  const refused = refusal(status, parseJson(read.value));
  if (RETRIABLE_STATUSES.has(status)) return unanswered(true, refused);
  throw refused;
}

/** The beginning of an answer. */
async function open({ endpoint, signal }: Try, path: string, options: Call): Promise<Outcome<IncomingMessage>> {
  const url = new URL(path, endpoint.url);
  const send = url.protocol === "https:" ? (await import("node:https")).request : httpRequest;
  const headers: Record<string, string> = {
    accept: "application/json, application/octet-stream",
    authorization: `Bearer ${endpoint.token}`,
  };
  const body = options.body === undefined ? null : Buffer.from(JSON.stringify(options.body));
  if (body !== null) {
    headers["content-type"] = "application/json";
    headers["content-length"] = String(body.length);
  }
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  const { promise, resolve } = Promise.withResolvers<Outcome<IncomingMessage>>();
  const request = send(url, { method: options.method ?? "GET", headers, signal });
  request.on("response", (response) => resolve({ answered: true, value: response }));
  // Also for a connection that is cut in the middle of an answer: then this is resolved already.
  request.on("error", (error: NodeJS.ErrnoException) =>
    resolve(unanswered(!NEVER_SENT.has(error.code ?? ""), new UnreachableError())),
  );
  request.end(body);
  return promise;
}

async function readAll(
  response: IncomingMessage,
  maxBytes: number,
  path: string,
  heard: () => void = () => {},
): Promise<Outcome<Uint8Array>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      const piece = Buffer.from(chunk);
      bytes += piece.length;
      if (bytes > maxBytes) throw new CliError(`Samovar's answer to GET ${path} is longer than it may be.`);
      chunks.push(piece);
      heard();
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    return unanswered(true, new CliError("The answer was cut off before its end.", "Try again in a moment."));
  }
  return { answered: true, value: Buffer.concat(chunks) };
}

const isOk = (status: number): boolean => status >= 200 && status < 300;

const unanswered = (mayHaveActed: boolean, error: CliError): Outcome<never> => ({
  answered: false,
  mayHaveActed,
  error,
});

/** Null for an empty body, undefined for one that is not JSON. */
function parseJson(body: Uint8Array): unknown {
  const text = Buffer.from(body).toString("utf8");
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(status: number, json: unknown): CliError {
  const parsed = errorBody.safeParse(json);
  if (!parsed.success) return new CliError(`Samovar answered with status ${status}.`, "Try again in a moment.");
  const { code, message, requestId } = parsed.data.error;
  switch (code) {
    case "unauthenticated":
      return new CliError(
        message,
        "The API token of this data directory is not accepted. Restart it with: samovar up",
        code,
      );
    case "credentials_missing":
    case "agent_not_configured":
      return new CliError(
        message,
        "See what is missing with: samovar agents. Store it with: samovar credentials set KIND",
        code,
      );
    case "internal":
      return new CliError(message, `Samovar's log has more about request ${requestId}.`, code);
    case "unavailable":
    case "rate_limited":
      return new CliError(message, "Try again in a moment.", code);
    default:
      return new CliError(message, null, code);
  }
}
