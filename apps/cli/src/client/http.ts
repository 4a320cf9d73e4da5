/** One HTTP call to the control plane: every answer parsed, every refusal a {@link CliError} with what to do. */
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
  /** A UUID: the same key again is answered as the first time. */
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

const TIMEOUT_MS = 30_000;

/** `path` begins with `/api`. */
export async function call<T>(endpoint: Endpoint, path: string, schema: Parser<T>, options: Call = {}): Promise<T> {
  const response = await send(endpoint, path, options);
  const json = await readJson(response);
  if (!response.ok) throw refusal(response.status, json);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new CliError(
    `Samovar's answer to ${options.method ?? "GET"} ${path.split("?")[0]} could not be read${where === "" ? "" : ` (${where})`}.`,
    "This CLI and the running Samovar may be of different versions: restart it with: samovar up",
  );
}

/** The whole body of an answer that is no JSON. Throws {@link CliError} when it is refused, or longer than `maxBytes`. */
export async function download(endpoint: Endpoint, path: string, maxBytes: number): Promise<Uint8Array> {
  const response = await send(endpoint, path, {});
  if (!response.ok) throw refusal(response.status, await readJson(response));
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new CliError(`Samovar's answer to GET ${path} is longer than it may be.`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError("The answer was cut off before its end.", "Try again in a moment.");
  }
  return Buffer.concat(chunks);
}

async function send(endpoint: Endpoint, path: string, options: Call): Promise<Response> {
  const headers: Record<string, string> = {
    accept: "application/json, application/octet-stream",
    authorization: `Bearer ${endpoint.token}`,
  };
  if (options.body !== undefined) headers["content-type"] = "application/json";
  if (options.idempotencyKey !== undefined) headers["idempotency-key"] = options.idempotencyKey;
  try {
    return await fetch(new URL(path, endpoint.url), {
      method: options.method ?? "GET",
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") {
      throw new CliError(`Samovar did not answer within ${TIMEOUT_MS / 1000} seconds.`, "Try again in a moment.");
    }
    throw new UnreachableError();
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text().catch(() => "");
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
    default:
      return new CliError(message, null, code);
  }
}
