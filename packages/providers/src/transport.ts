/** One request to a cloud's JSON API with a bearer token: bounded in time and size, every answer parsed. The token is never in a message. */
import { err, errorMessage, ok, parseJson, type Result } from "@samovar/base";
import type * as z from "zod";
import type { MakeFault } from "./faults.ts";
import type { ProviderFault } from "./provider.ts";

/** The part of the platform's `fetch` that is used. */
export type HttpFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly signal: AbortSignal;
    readonly redirect: "manual";
  },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** An answer outside 2xx. */
export interface Refusal {
  readonly status: number;
  /** The parsed body; undefined when it was no JSON. */
  readonly body: unknown;
  /** From `Retry-After`. */
  readonly retryAfterMs: number | null;
  header(name: string): string | null;
}

export interface Failure {
  readonly fault: ProviderFault;
  /** Of the reply; null when none was read. */
  readonly status: number | null;
  /** Whether the request may have been carried out all the same. */
  readonly ambiguous: boolean;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly nextPage: number | null;
  readonly total: number | null;
}

/** What differs between services. */
export interface Dialect {
  readonly makeFault: MakeFault;
  readonly toFault: (refusal: Refusal) => ProviderFault;
  /** Query of every list besides `page`. */
  readonly paging: Readonly<Record<string, string>>;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Transport {
  send<T>(method: Method, path: string, reply: z.ZodType<T>, body?: unknown): Promise<Result<T, Failure>>;
  /** All pages, or a fault. `query` without paging. */
  listAll<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    page: z.ZodType<ListPage<T>>,
  ): Promise<Result<readonly T[], ProviderFault>>;
}

const TIMEOUT_MS: Record<Method, number> = { GET: 15_000, POST: 30_000, PUT: 30_000, DELETE: 30_000 };
const MAX_REPLY_CHARS = 8 * 1024 * 1024;
const MAX_PAGES = 200;
const MAX_WAIT_SECONDS = 3600;

export function createTransport(options: {
  /** With its version, such as `https://api.hetzner.cloud/v1`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly fetch: HttpFetch;
  readonly dialect: Dialect;
}): Transport {
  // Called free-standing: a Worker's fetch refuses a foreign `this`.
  const { fetch, token, dialect } = options;
  const { makeFault } = dialect;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const redact = (text: string) => text.replaceAll(token, "[redacted]");

  const send: Transport["send"] = async (method, path, reply, body) => {
    const answer = await exchange(method, path, body);
    if (!answer.ok) return answer;
    const { status, text } = answer.value;
    const parsed = reply.safeParse(parseJson(text));
    if (parsed.success) return ok(parsed.data);
    const where = parsed.error.issues[0]?.path.join(".") ?? "";
    return err({
      status,
      ambiguous: true,
      fault: makeFault(
        "unavailable",
        "unreadable_reply",
        `${method} ${pathOnly(path)} was answered in a form that is not known (at "${where}")`,
      ),
    });
  };

  async function exchange(
    method: Method,
    path: string,
    body: unknown,
  ): Promise<Result<{ status: number; text: string }, Failure>> {
    try {
      const response = await fetch(baseUrl + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS[method]),
        redirect: "manual",
      });
      const { status, headers } = response;
      const text = await response.text();
      if (text.length > MAX_REPLY_CHARS) throw new Error("the reply is too long");
      if (status >= 200 && status < 300) return ok({ status, text });
      const fault = dialect.toFault({
        status,
        body: parseJson(text),
        retryAfterMs: readRetryAfter(headers.get("retry-after")),
        header: (name) => headers.get(name),
      });
      return err({
        status,
        ambiguous: status >= 500 || status < 400,
        fault: { ...fault, message: redact(fault.message) },
      });
    } catch (error) {
      const reason = redact(errorMessage(error));
      return err({
        status: null,
        ambiguous: true,
        fault: makeFault("unavailable", "no_reply", `${method} ${pathOnly(path)} got no answer: ${reason}`),
      });
    }
  }

  const listAll: Transport["listAll"] = async <T>(
    path: string,
    query: Readonly<Record<string, string>>,
    page: z.ZodType<ListPage<T>>,
  ) => {
    const items: T[] = [];
    for (let number = 1, turn = 0; turn < MAX_PAGES; turn++) {
      const search = new URLSearchParams({ ...query, ...dialect.paging, page: String(number) });
      const reply = await send("GET", `${path}?${search}`, page);
      if (!reply.ok) return err(reply.error.fault);
      items.push(...reply.value.items);
      const { nextPage, total } = reply.value;
      if (nextPage !== null) number = nextPage;
      // A deletion between two pages shifts the rest, and one would be missed.
      else if (total !== null && total > items.length)
        return err(makeFault("unavailable", "list_changed", `${path} changed while it was read`));
      else return ok(items);
    }
    return err(makeFault("invalid", "list_too_long", `${path} has more than ${MAX_PAGES} pages`));
  };

  return { send, listAll };
}

function readRetryAfter(text: string | null): number | null {
  const seconds = Number(text);
  if (text === null || !Number.isFinite(seconds) || seconds < 0) return null;
  return Math.min(seconds, MAX_WAIT_SECONDS) * 1000;
}

const pathOnly = (path: string) => path.split("?", 1).join("");
