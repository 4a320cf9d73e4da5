/** Whose request it is, as far as the network says. For rate limits and the log, never for rights. */
import { isLoopbackHost, parseIpv6 } from "@samovar/base";
import type { Context } from "hono";
import type { AppContext } from "./context.ts";

/** Callers on one computer share an address. */
const THIS_COMPUTER = "this computer";

/**
 * On Cloudflare, the address in `CF-Connecting-IP`, which the edge sets itself. On one computer that header would be the
 * caller's own, as `X-Forwarded-For` is everywhere, so there all callers count as one. An IPv6 address counts as its
 * /64 network, which one subscriber has for themselves.
 */
export function getClientAddress(c: Context<AppContext>): string {
  if (isLoopbackHost(new URL(c.get("deps").config.PUBLIC_URL).hostname)) return THIS_COMPUTER;
  const address = c.req.header("cf-connecting-ip") ?? "unknown";
  const groups = parseIpv6(address);
  if (groups === null) return address.slice(0, 64);
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}
