/** Checks that a browser's request comes from our page. Cookies alone prove who a person is, not what they intended. */
import { SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import type { AppContext } from "./context.ts";
import { isPageOrigin } from "./hosts.ts";

const READING = new Set(["GET", "HEAD"]);

/** For callers known by a cookie: a change needs our own Origin. */
export const requireSameOrigin: MiddlewareHandler<AppContext> = async (c, next) => {
  if (c.get("user")?.via === "cookie" && !READING.has(c.req.method)) assertSameOrigin(c);
  await next();
};

/** Throws `forbidden` unless the request names our own Origin, exactly. */
export function assertSameOrigin(c: Context<AppContext>): void {
  const site = c.req.header("sec-fetch-site");
  const own = isPageOrigin(c, c.req.header("origin"));
  if (!own || (site !== undefined && site !== "same-origin")) {
    throw new SamovarError("forbidden", "This request came from another site. Use Samovar's own pages.");
  }
}
