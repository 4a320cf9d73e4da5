/** One request to Hetzner's API: bounded in time and size, every answer parsed. The token is never in a message. */
import { err, errorMessage, ok, parseJson, type Result } from "@samovar/base";
import type * as z from "zod";
import type { ProviderFault } from "../provider.ts";
import { toProviderFault, providerFault } from "./faults.ts";
import { errorReply, type ListPage } from "./schemas.ts";

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

export interface Failure {
  readonly fault: ProviderFault;
  /** Of the reply; null when none was read. */
  readonly status: number | null;
  /** Whether the request may have been carried out all the same. */
  readonly ambiguous: boolean;
}

export interface Transport {
  send<T>(
    method: "GET" | "POST" | "DELETE",
    path: string,
    reply: z.ZodType<T>,
    body?: unknown,
  ): Promise<Result<T, Failure>>;
  /** All pages, or a fault. `query` without paging. */
  listAll<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    page: z.ZodType<ListPage<T>>,
  ): Promise<Result<readonly T[], ProviderFault>>;
}

const TIMEOUT_MS = { GET: 15_000, POST: 30_000, DELETE: 30_000 } as const;
const MAX_REPLY_CHARS = 8 * 1024 * 1024;
const PAGE_SIZE = 50;
const MAX_PAGES = 200;

export function transport(options: {
  readonly baseUrl: string;
  readonly token: string;
  readonly fetch: HttpFetch;
}): Transport {
  // Called free-standing: a Worker's fetch refuses a foreign `this`.
  const { fetch, token } = options;
  const baseUrl = options.baseUrl.replace(/\/+$/, "");

  const send: Transport["send"] = async (method, path, reply, body) => {
    const answer = await exchange(method, path, body);
    if (!answer.ok) return answer;
    const { status, text } = answer.value;
    const json = parseJson(text);
    const parsed = reply.safeParse(json);
    if (parsed.success) return ok(parsed.data);
    const where = parsed.error.issues[0]?.path.join(".") ?? "";
    return err({
      status,
      ambiguous: true,
      fault: providerFault(
        "unavailable",
        "unreadable_reply",
        `${method} ${pathOnly(path)} was answered in a form that is not known (at "${where}")`,
      ),
    });
  };

  async function exchange(
    method: "GET" | "POST" | "DELETE",
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
      const { status } = response;
      const text = await response.text();
      if (text.length > MAX_REPLY_CHARS) throw new Error("the reply is too long");
      if (status >= 200 && status < 300) return ok({ status, text });
      return err(refusal(status, text, response.headers.get("retry-after")));
    } catch (error) {
      const reason = errorMessage(error).replaceAll(token, "[redacted]");
      return err({
        status: null,
        ambiguous: true,
        fault: providerFault("unavailable", "no_reply", `${method} ${pathOnly(path)} got no answer: ${reason}`),
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
      const search = new URLSearchParams({
        ...query,
        sort: "id:asc",
        page: String(number),
        per_page: String(PAGE_SIZE),
      });
      const reply = await send("GET", `${path}?${search}`, page);
      if (!reply.ok) return err(reply.error.fault);
      items.push(...reply.value.items);
      const { next_page: next, total_entries: total } = reply.value;
      if (next !== null) number = next;
      // A deletion between two pages shifts the rest, and one would be missed.
      else if (typeof total === "number" && total > items.length)
        return err(providerFault("unavailable", "list_changed", `${path} changed while it was read`));
      else return ok(items);
    }
    return err(providerFault("invalid", "list_too_long", `${path} has more than ${MAX_PAGES} pages`));
  };

  return { send, listAll };
}

function refusal(status: number, text: string, retryAfter: string | null): Failure {
  const known = errorReply.safeParse(parseJson(text));
  const { code, message } = known.success
    ? known.data.error
    : { code: `http_${status}`, message: `status ${status} without a reason` };
  const seconds = Number(retryAfter);
  const retryAfterMs =
    retryAfter !== null && Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3600) * 1000 : null;
  return {
    status,
    ambiguous: status >= 500 || status < 400,
    fault: toProviderFault({ status, code, message, retryAfterMs }),
  };
}

const pathOnly = (path: string) => path.split("?", 1).join("");
