/** Cloudflare's API over HTTP: one account, one token. */
import * as z from "zod";
import { DeployError } from "./deploy-error.ts";

export interface CloudflareOptions {
  readonly baseUrl: string;
  readonly accountId: string;
  readonly token: string;
}

/** The codes of Cloudflare's errors that a deployment distinguishes. */
export const CLOUDFLARE_CODES = { noSubdomain: 10_007, noWorker: 10_007, notAuthorized: 10_000 } as const;

export class CloudflareError extends Error {
  override readonly name = "CloudflareError";
  readonly status: number;
  readonly codes: readonly number[];

  constructor(call: string, status: number, errors: readonly { readonly code: number; readonly message: string }[]) {
    const reasons = errors.map(({ code, message }) => `${message} (code ${code})`).join("; ");
    super(`Cloudflare refused ${call}: ${status}${reasons === "" ? "" : ` ${reasons}`}`);
    this.status = status;
    this.codes = errors.map(({ code }) => code);
  }

  /** Whether the token lacks a permission for this call. */
  get isForbidden(): boolean {
    return this.status === 401 || this.status === 403 || this.codes.includes(CLOUDFLARE_CODES.notAuthorized);
  }
}

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
});

export interface CloudflareApi {
  /** `path` may begin with `{account}`, a placeholder for the account's path. Throws {@link CloudflareError}. */
  call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, result: z.ZodType<T>, body?: unknown): Promise<T>;
  /** Null if Cloudflare answers 404. */
  find<T>(path: string, result: z.ZodType<T>): Promise<T | null>;
}

const TIMEOUT_MS = 60_000;

export function connectToCloudflare({ baseUrl, accountId, token }: CloudflareOptions): CloudflareApi {
  const call: CloudflareApi["call"] = async (method, path, result, body) => {
    const response = await send(`${baseUrl}/${path.replace("{account}", `accounts/${accountId}`)}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const name = `${method} ${path.replace("{account}/", "")}`;
    const answer = envelope.safeParse(await response.json().catch(() => null));
    if (!response.ok || !answer.success || !answer.data.success)
      throw new CloudflareError(name, response.status, answer.data?.errors ?? []);
    return result.parse(answer.data.result);
  };
  return {
    call,
    async find(path, result) {
      try {
        return await call("GET", path, result);
      } catch (error) {
        if (error instanceof CloudflareError && error.status === 404) return null;
        throw error;
      }
    },
  };
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new DeployError(
      `Cloudflare's API at ${new URL(url).origin} does not answer: ${error instanceof Error ? error.message : "unknown"}.`,
      "Check this computer's connection, then run the same command again.",
    );
  }
}
