/** One HTTP request to the control plane: every answer parsed, every refusal a {@link CliError} with what to do. */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { type ApiCall, encodeCall, type Parser } from "@samovar/client/api-call";
import { type Answer, readAnswer } from "@samovar/client/read-answer";
import type { ErrorBody } from "@samovar/contracts";
import { CliError, UnreachableError } from "./errors.ts";

export interface Endpoint {
  readonly url: string;
  readonly token: string;
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

/** Of a refusal, only the words are read. */
const NOTHING: Parser<null> = { safeParse: () => ({ success: true, data: null }) };

const JSON_MAX_BYTES = 64 * 1024 * 1024;
/** Not answered, whatever the body says: asked again, the control plane may answer. */
const RETRIABLE_STATUSES = new Set([429, 503]);
/** The request has not left this machine. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

export function rulesOf({ method = "GET", idempotencyKey }: ApiCall, takesLong: boolean): Rules {
  const isSafeToRepeat = method === "GET" || method === "PUT" || method === "DELETE" || idempotencyKey !== undefined;
  return { isSafeToRepeat, changesNothing: method === "GET", takesLong };
}

/** `path` begins with `/api`. Throws {@link CliError} for a refusal and for an answer of another shape. */
export async function call<T>(attempt: Try, path: string, schema: Parser<T>, options: ApiCall): Promise<Outcome<T>> {
  const opened = await open(attempt, path, options);
  if (!opened.answered) return opened;
  const { method = "GET" } = options;
  const status = opened.value.statusCode ?? 0;
  const read = await readAll(opened.value, JSON_MAX_BYTES, path);
  if (!read.answered) return read;
  // An earlier try has deleted it, and its answer was lost.
  const isGone = method === "DELETE" && status === 404 && attempt.mayHaveActed;
  const answer = isGone ? readAnswer(204, "", schema) : readAnswer(status, decode(read.value), schema);
  if (RETRIABLE_STATUSES.has(status)) return unanswered(true, toError(answer, method, path));
  if (answer.kind === "value") return { answered: true, value: answer.value };
  throw toError(answer, method, path);
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
  const refused = toError(readAnswer(status, decode(read.value), NOTHING), "GET", path);
  if (RETRIABLE_STATUSES.has(status)) return unanswered(true, refused);
  throw refused;
}

/** The beginning of an answer. */
async function open({ endpoint, signal }: Try, path: string, options: ApiCall): Promise<Outcome<IncomingMessage>> {
  const url = new URL(path, endpoint.url);
  const send = url.protocol === "https:" ? (await import("node:https")).request : httpRequest;
  const encoded = encodeCall(options);
  const body = encoded.body === null ? null : Buffer.from(encoded.body);
  const headers: Record<string, string> = {
    ...encoded.headers,
    accept: "application/json, application/octet-stream",
    authorization: `Bearer ${endpoint.token}`,
  };
  if (body !== null) headers["content-length"] = String(body.length);
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

const decode = (body: Uint8Array): string => Buffer.from(body).toString("utf8");

function toError(answer: Answer<unknown>, method: string, path: string): CliError {
  switch (answer.kind) {
    case "refused":
      return refusal(answer.error);
    case "failed":
      return new CliError(`Samovar answered with status ${answer.status}.`, "Try again in a moment.");
    default: {
      const where = answer.kind === "unreadable" && answer.at !== "" ? ` (${answer.at})` : "";
      return new CliError(
        `Samovar's answer to ${method} ${path.split("?")[0]} could not be read${where}.`,
        "This CLI and the running Samovar may be of different versions: restart it with: samovar up",
      );
    }
  }
}

function refusal({ code, message, requestId }: ErrorBody["error"]): CliError {
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
