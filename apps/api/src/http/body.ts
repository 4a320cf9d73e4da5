/** What a request may bring: JSON, not too much of it, and not nested too deep. */
import { isDeeperThan, parseJson } from "@samovar/base";
import { LIMITS, SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { AppContext } from "./context.ts";

export const limitBody: MiddlewareHandler<AppContext> = bodyLimit({
  maxSize: LIMITS.requestMaxBytes,
  onError: () => {
    throw new SamovarError("payload_too_large", `A request may have ${LIMITS.requestMaxBytes} bytes at most.`);
  },
});

/** Before any schema walks the body. Reads it. */
export const limitDepth: MiddlewareHandler<AppContext> = async (c, next) => {
  if (c.req.raw.body !== null) assertDepth(await c.req.text());
  await next();
};

/** The body's JSON, for a route that checks more than its shape before it reads. Throws `invalid_request`. */
export async function readJson(c: Context<AppContext>): Promise<unknown> {
  const text = await c.req.text();
  assertDepth(text);
  const value = parseJson(text);
  if (value === undefined) throw new SamovarError("invalid_request", "The body is not valid JSON.");
  return value;
}

function assertDepth(text: string): void {
  if (!isDeeperThan(text, LIMITS.jsonMaxDepth)) return;
  throw new SamovarError("invalid_request", `The JSON may be nested ${LIMITS.jsonMaxDepth} levels deep at most.`);
}

/** A form of another site can send text, but not JSON, without asking us first. */
export const requireJson: MiddlewareHandler<AppContext> = async (c, next) => {
  const type = c.req.header("content-type");
  const hasBody = c.req.raw.body !== null && c.req.method !== "GET" && c.req.method !== "HEAD";
  if ((hasBody || type !== undefined) && !/^application\/json\s*(;|$)/i.test(type ?? "")) {
    throw new SamovarError("unsupported_media_type", "Send the body as application/json.");
  }
  await next();
};
