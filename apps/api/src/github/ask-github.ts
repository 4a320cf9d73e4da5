/** One request to GitHub's API: bounded in time and size, every answer parsed. The token is in no message. Keeps S1. */
import { err, errorMessage, ok, parseJson, redactText, redactValues } from "@samovar/base";
import type { Result } from "@samovar/base";
import * as z from "zod";

export interface GitHubAccess {
  /** With no version in it, such as `https://api.github.com`. */
  readonly apiUrl: string;
  readonly token: string;
  /** Ends whatever is asked. */
  readonly signal: AbortSignal;
}

export interface GitHubFault {
  /** Null when no answer came, or none that could be read: then it may have been done all the same. */
  readonly status: number | null;
  /** GitHub's own words, or what went wrong on the way. */
  readonly reason: string;
  /** GitHub limits the rate of requests. */
  readonly isLimited: boolean;
}

const MAX_REPLY_CHARS = 1024 * 1024;
const MAX_REASON_CHARS = 300;
const MOVED: ReadonlySet<number> = new Set([301, 302, 307, 308]);
const MAX_HOPS = 3;

/** `path` begins with a slash and is encoded. */
export async function askGitHub<T>(
  access: GitHubAccess,
  method: "GET" | "POST",
  path: string,
  reply: z.ZodType<T>,
  body?: unknown,
): Promise<Result<T, GitHubFault>> {
  try {
    const answer = await follow(access.apiUrl.replace(/\/+$/, "") + path, buildRequest(access, method, body));
    const text = await answer.text();
    if (text.length > MAX_REPLY_CHARS) throw new Error("the answer is too long");
    if (!answer.ok) return err(refusal(access, answer, text));
    return ok(reply.parse(JSON.parse(text)));
  } catch (error) {
    const reason = error instanceof z.ZodError ? "the answer has a form that is not known" : errorMessage(error);
    return err({ status: null, reason: toMessage(access, reason), isLimited: false });
  }
}

/** Reading a repository that was renamed is answered from its new place. The token goes to no other address, and no POST is repeated. */
async function follow(address: string, request: RequestInit): Promise<Response> {
  for (let url = new URL(address), hops = 0; ; hops++) {
    const answer = await fetch(url.href, request);
    const place = answer.headers.get("location");
    if (request.method !== "GET" || place === null || !MOVED.has(answer.status)) return answer;
    const next = new URL(place, url);
    if (next.origin !== url.origin || hops === MAX_HOPS) throw new Error("it was redirected to another address");
    await answer.body?.cancel();
    url = next;
  }
}

function buildRequest({ token, signal }: GitHubAccess, method: "GET" | "POST", body: unknown): RequestInit {
  return {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "user-agent": "samovar",
      "x-github-api-version": "2022-11-28",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: "manual",
    signal,
  };
}

const errorReply = z.object({
  message: z.string(),
  errors: z.array(z.union([z.string(), z.object({ message: z.string().optional() })])).optional(),
});

function refusal(access: GitHubAccess, { status, headers }: Response, text: string): GitHubFault {
  const parsed = errorReply.safeParse(parseJson(text));
  const said = parsed.success
    ? [
        parsed.data.message,
        ...(parsed.data.errors ?? []).map((each) => (typeof each === "string" ? each : each.message)),
      ]
    : [`status ${status} without a reason`];
  const isSpent = headers.get("x-ratelimit-remaining") === "0" || headers.has("retry-after");
  const reason = toMessage(access, said.filter((part) => part !== undefined).join(": "));
  return { status, reason, isLimited: status === 429 || (status === 403 && isSpent) };
}

const toMessage = ({ token }: GitHubAccess, text: string) =>
  redactText(redactValues(text, [token]))
    .replace(/\s+/g, " ")
    .slice(0, MAX_REASON_CHARS);
