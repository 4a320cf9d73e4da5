/** Whose request it is, as far as the network says. For rate limits and the log, never for rights. */
import { isLoopbackHost, parseIpv6 } from "@samovar/base";
import type { Context } from "hono";
import type { AppContext } from "./context.ts";
import { isLocalHost } from "./hosts.ts";

/** Callers on one computer share an address. */
const THIS_COMPUTER = "this computer";

/**
 * On Cloudflare, the address in `CF-Connecting-IP`, which the edge sets itself. Elsewhere that header would be the caller's
 * own, as `X-Forwarded-For` is everywhere, so there all callers count as one, unless proxies in front are trusted: each
 * appends the address that called it, so the entries from the end are theirs. An IPv6 address counts as its /64 network,
 * which one subscriber has for themselves.
 */
export function getClientAddress(c: Context<AppContext>): string {
  const { LOCAL_URL, PUBLIC_URL, TRUSTED_PROXIES } = c.get("deps").config;
  const isCloudflare = LOCAL_URL === undefined && !isLoopbackHost(new URL(PUBLIC_URL).hostname);
  if (isCloudflare) return toNetwork(c.req.header("cf-connecting-ip"));
  if (TRUSTED_PROXIES === 0 || isLocalHost(c)) return THIS_COMPUTER;
  return toNetwork(c.req.header("x-forwarded-for")?.split(",").at(-TRUSTED_PROXIES)?.trim());
}

function toNetwork(address = "unknown"): string {
  const groups = parseIpv6(address);
  if (groups === null) return address.slice(0, 64);
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}
