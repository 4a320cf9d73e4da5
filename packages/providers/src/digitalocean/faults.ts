/** DigitalOcean's errors as {@link ProviderFault}s. Most refusals are a 422 `unprocessable_entity` and differ only in the text. */
import * as z from "zod";
import { createFaultMaker } from "../faults.ts";
import type { ProviderFault, ProviderFaultKind } from "../provider.ts";
import type { Dialect, Refusal } from "../transport.ts";

export const makeFault = createFaultMaker("DigitalOcean", {
  unauthorized:
    "Store a token with the scopes that `samovar credentials check digitalocean` names, or with full access.",
  quota: "Delete droplets that are not needed, or ask DigitalOcean to raise the account's limit.",
  invalid:
    "Trying again does not help: correct what the message names. The image, region and ssh key are the settings DIGITALOCEAN_IMAGE, DIGITALOCEAN_REGION and DIGITALOCEAN_SSH_KEY.",
});

const errorReply = z.object({
  id: z.string().max(100),
  message: z.string().transform((text) => text.slice(0, 1000)),
});

const RATE_LIMIT_PAUSE_MS = 5000;
const MAX_RATE_LIMIT_PAUSE_MS = 3_600_000;

/** `now`: for `RateLimit-Reset`, which is a point in time. */
export function createDialect(now: () => number): Dialect {
  return {
    makeFault,
    toFault(refusal: Refusal): ProviderFault {
      const { status } = refusal;
      const known = errorReply.safeParse(refusal.body);
      const { id, message } = known.success
        ? known.data
        : { id: `http_${status}`, message: `status ${status} without a reason` };
      const kind = toKind(status, id, message);
      return makeFault(kind, id, message, { retryAfterMs: getPause(kind, refusal, now()) });
    },
    paging: { per_page: "50" },
  };
}

function toKind(status: number, id: string, message: string): ProviderFaultKind {
  if (status === 401 || status === 403) return "unauthorized";
  if (status === 409) return "conflict";
  if (status === 423) return "locked";
  if (status === 429) return "rate_limited";
  // Not the API's own 404: something else answers at this address.
  if (status === 404 && id !== "not_found") return "unavailable";
  if (status === 408 || status >= 500 || status < 400) return "unavailable";
  if (status === 422) return toUnprocessableKind(message);
  return "invalid";
}

function toUnprocessableKind(message: string): ProviderFaultKind {
  if (/droplet limit|exceed your\b.*\blimit/i.test(message)) return "quota";
  if (/pending event|\blocked\b/i.test(message)) return "locked";
  // Another region or size may work.
  if (/\b(not available|unavailable|sold out|restricted)\b/i.test(message)) return "capacity";
  return "invalid";
}

/** After a burst `Retry-After` has the pause; the hourly quota is reset at `RateLimit-Reset`, in seconds since 1970. */
function getPause(kind: ProviderFaultKind, { retryAfterMs, header }: Refusal, now: number): number | null {
  if (retryAfterMs !== null || kind !== "rate_limited") return retryAfterMs;
  const resetMs = Number(header("ratelimit-reset") ?? Number.NaN) * 1000;
  if (!Number.isFinite(resetMs)) return RATE_LIMIT_PAUSE_MS;
  return Math.min(Math.max(resetMs - now, RATE_LIMIT_PAUSE_MS), MAX_RATE_LIMIT_PAUSE_MS);
}
