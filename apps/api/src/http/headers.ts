/** Headers on every answer of the Worker. */
import type { MiddlewareHandler } from "hono";
import type { AppContext } from "./context.ts";
import { SECURITY_HEADERS, STRICT_TRANSPORT_SECURITY } from "./security-headers.ts";

export const securityHeaders: MiddlewareHandler<AppContext> = async (c, next) => {
  await next();
  // An upgrade's answer carries its socket; a copy of it would lose it.
  if (c.res.status === 101) return;
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  c.header("x-request-id", c.get("requestId"));
  if (c.req.path.startsWith("/api/")) c.header("cache-control", "no-store");
  if (c.get("deps").config.PUBLIC_URL.startsWith("https:"))
    c.header("strict-transport-security", STRICT_TRANSPORT_SECURITY);
  // Set by `_headers` for every scheme.
  else c.res.headers.delete("strict-transport-security");
};
