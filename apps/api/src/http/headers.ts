/** Headers on every answer. The page may load nothing but what the Worker serves. */
import type { MiddlewareHandler } from "hono";
import type { AppContext } from "./context.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export const securityHeaders: MiddlewareHandler<AppContext> = async (c, next) => {
  await next();
  // An upgrade's answer carries its socket; a copy of it would lose it.
  if (c.res.status === 101) return;
  c.header("content-security-policy", POLICY);
  c.header("x-content-type-options", "nosniff");
  c.header("x-frame-options", "DENY");
  c.header("referrer-policy", "no-referrer");
  c.header("cross-origin-opener-policy", "same-origin");
  c.header("cross-origin-resource-policy", "same-origin");
  c.header("x-request-id", c.get("requestId"));
  if (c.req.path.startsWith("/api/")) c.header("cache-control", "no-store");
  if (c.get("deps").config.PUBLIC_URL.startsWith("https:")) {
    c.header("strict-transport-security", "max-age=31536000; includeSubDomains");
  }
};
