/**
 * Rate limits: wrong secrets by address, set-ups, changes by person, requests by node or workspace. A good secret is never refused
 * because of others' wrong ones, so an attack from an address locks no one out of it. Counts are in the memory of this
 * isolate: nothing on the way of a delivery reads or writes for them.
 */
import type { UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import { getClientAddress } from "./client-address.ts";
import type { AppContext } from "./context.ts";
import type { RateCounters } from "./rate-counters.ts";

/**
 * Counts a secret that was wrong: a link, a token, the operator's secret. Returns the error to throw: `unauthenticated`
 * with this message, or `rate_limited` when the address has shown too many.
 */
export function refuseSecret(c: Context<AppContext>, message: string): SamovarError {
  const limit = c.get("deps").config.WRONG_SECRETS_PER_MINUTE;
  const refusal = count(c, { name: "wrongSecrets", key: getClientAddress(c), limit });
  return refusal ?? new SamovarError("unauthenticated", message);
}

/** For set-ups with the right secret: each creates a token that does not expire. Throws `rate_limited`. */
export function assertSetupsWithin(c: Context<AppContext>): void {
  const refusal = count(c, { name: "setups", key: "operator", limit: c.get("deps").config.SETUPS_PER_MINUTE });
  if (refusal !== null) throw refusal;
}

const READING = new Set(["GET", "HEAD"]);

/** For routes of people. Throws `rate_limited` for a person with too many changes. */
export const limitChanges: MiddlewareHandler<AppContext> = async (c, next) => {
  const user = c.get("user");
  if (user !== undefined && !READING.has(c.req.method)) assertChangesWithin(c, user.id);
  await next();
};

function assertChangesWithin(c: Context<AppContext>, key: UserId): void {
  const refusal = count(c, { name: "changes", key, limit: c.get("deps").config.CHANGES_PER_MINUTE });
  if (refusal !== null) throw refusal;
}

/** `caller`: the node or workspace of a verified token. Throws `rate_limited`. */
export function assertNodeRequestsWithin(c: Context<AppContext>, caller: string): void {
  const limit = c.get("deps").config.NODE_REQUESTS_PER_MINUTE;
  const refusal = count(c, { name: "nodeRequests", key: caller, limit });
  if (refusal !== null) throw refusal;
}

/** For the open route of device logins, which stores a row. Throws `rate_limited`. */
export function assertDeviceLoginsWithin(c: Context<AppContext>): void {
  const limit = c.get("deps").config.DEVICE_LOGINS_PER_MINUTE;
  const refusal = count(c, { name: "deviceLogins", key: getClientAddress(c), limit });
  if (refusal !== null) throw refusal;
}

interface Counted {
  readonly name: keyof RateCounters;
  readonly key: string;
  readonly limit: number;
}

/** Null within the limit. The first refusal in a window is logged. */
function count(c: Context<AppContext>, { name, key, limit }: Counted): SamovarError | null {
  const { clock, logger } = c.get("deps");
  const counted = c.get("rateCounters")[name].count(key, limit, clock.now());
  if (counted.isWithin) return null;
  if (counted.isFirst) logger.warn("http.rate_limited", { limit: name, key, perMinute: limit });
  const seconds = Math.ceil(counted.retryAfterMs / 1000);
  return new SamovarError("rate_limited", `Too many requests. Try again in ${seconds} s.`, {
    retryAfterMs: counted.retryAfterMs,
  });
}
