/**
 * Refuses what only the tools around workerd may ask: headers `MF-…`, by which Miniflare sets a request's address and route, and
 * its own addresses below `/cdn-cgi/`. The port of `samovar up` does not pass through Miniflare's entry; this keeps such a
 * request from meaning anything behind a proxy, or to a later version that reads it.
 */
import { SamovarError } from "@samovar/contracts";
import type { MiddlewareHandler } from "hono";
import type { AppContext } from "./context.ts";

export const refuseEmulatorRequests: MiddlewareHandler<AppContext> = async (c, next) => {
  if (/^\/cdn-cgi(\/|$)/i.test(c.req.path)) throw new SamovarError("not_found", "No such address.");
  for (const name of c.req.raw.headers.keys())
    if (name.startsWith("mf-"))
      throw new SamovarError("invalid_request", `The header ${name.slice(0, 60)} is not allowed.`);
  await next();
};
