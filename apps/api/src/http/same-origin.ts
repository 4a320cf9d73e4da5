/** Checks that a browser's request comes from our page. Cookies alone prove who a person is, not what they intended. */
import { isLoopbackHost } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import type { AppContext } from "./context.ts";

const READING = new Set(["GET", "HEAD"]);

/** For callers known by a cookie: a change needs our own Origin. */
export const requireSameOrigin: MiddlewareHandler<AppContext> = async (c, next) => {
  if (c.get("user")?.via === "cookie" && !READING.has(c.req.method)) assertSameOrigin(c);
  await next();
};

/** Throws `forbidden` unless the request names our own Origin, exactly. */
export function assertSameOrigin(c: Context<AppContext>): void {
  const site = c.req.header("sec-fetch-site");
  const own = isOwnOrigin(c.get("deps").config.PUBLIC_URL, c.req.url, c.req.header("origin"));
  if (!own || (site !== undefined && site !== "same-origin")) {
    throw new SamovarError("forbidden", "This request came from another site. Use Samovar's own pages.");
  }
}

/** Our public origin, or, on one machine, the loopback address by which it was called. */
function isOwnOrigin(publicUrl: string, requestUrl: string, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  if (origin === new URL(publicUrl).origin) return true;
  const called = new URL(requestUrl);
  return isLoopbackHost(called.hostname) && isLoopbackHost(new URL(publicUrl).hostname) && origin === called.origin;
}
