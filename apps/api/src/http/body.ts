/** What a request may bring: JSON, and not too much of it. */
import { LIMITS, SamovarError } from "@samovar/contracts";
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { AppContext } from "./context.ts";

export const limitBody: MiddlewareHandler<AppContext> = bodyLimit({
  maxSize: LIMITS.requestMaxBytes,
  onError: () => {
    throw new SamovarError("payload_too_large", `A request may have ${LIMITS.requestMaxBytes} bytes at most.`);
  },
});

/** A form of another site can send text, but not JSON, without asking us first. */
export const requireJson: MiddlewareHandler<AppContext> = async (c, next) => {
  const type = c.req.header("content-type");
  const hasBody = c.req.raw.body !== null && c.req.method !== "GET" && c.req.method !== "HEAD";
  if ((hasBody || type !== undefined) && !/^application\/json\s*(;|$)/i.test(type ?? "")) {
    throw new SamovarError("unsupported_media_type", "Send the body as application/json.");
  }
  await next();
};
