/** Who is asking: an API token, or the cookie of a signed-in browser. Nothing else opens a person's routes. */
import { SamovarError } from "@samovar/contracts";
import type { Context, MiddlewareHandler } from "hono";
import type { AppContext, Caller } from "../http/context.ts";
import { refuseSecret } from "../http/rate-limits.ts";
import { findCallerByToken } from "./api-tokens.ts";
import { findCallerByCookie } from "./sign-in-sessions.ts";
import { readBearer } from "./node-tokens.ts";

export const authenticate: MiddlewareHandler<AppContext> = async (c, next) => {
  const user = await identify(c);
  if (user === null) throw refuse(c);
  c.set("user", user);
  await next();
};

/** A request without a secret is no attempt to guess one. */
function refuse(c: Context<AppContext>): SamovarError {
  const message = "Sign in, or send an API token.";
  const hasSecret = c.req.header("authorization") !== undefined || c.req.header("cookie") !== undefined;
  return hasSecret ? refuseSecret(c, message) : new SamovarError("unauthenticated", message);
}

/** A request that names a token is judged by it alone. */
function identify(c: Context<AppContext>): Promise<Caller | null> {
  if (c.req.header("authorization") !== undefined) return findCallerByToken(c.get("deps"), readBearer(c));
  return findCallerByCookie(c);
}
