/**
 * What every route stands on. Routers write their paths in full (`/api/projects/{projectId}/…`) and are mounted
 * at the root by `../app.ts`, which also says who may call them.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Logger, Millis, UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { AccessId } from "@samovar/contracts";
import type { Context } from "hono";
import type { ZodError } from "zod";
import type { Deps } from "../deps.ts";
import type { Env } from "../env.ts";
import type { RateCounters } from "./rate-counters.ts";

/** A person who has proven who they are. */
export interface Caller {
  readonly id: UserId;
  readonly name: string;
  readonly via: "cookie" | "token";
  readonly access: Access;
}

/** What a caller proved who they are with: a sign-in session or an API token. */
export interface Access {
  readonly id: AccessId;
  /** Null: valid until it is revoked. */
  readonly expiresAt: Millis | null;
}

export interface AppContext {
  Bindings: Env;
  Variables: {
    requestId: string;
    logger: Logger;
    deps: Deps;
    rateCounters: RateCounters;
    user: Caller | undefined;
  };
}

export type Router = OpenAPIHono<AppContext>;

/** A router whose requests are refused as `invalid_request` when they do not fit their schemas. */
export function createRouter(): Router {
  return new OpenAPIHono<AppContext>({
    defaultHook: (result) => {
      if (!result.success) throw toInvalidRequest(result.error);
    },
  });
}

/** Throws `unauthenticated` where no `authenticate` went before. */
export function requireUser(c: Context<AppContext>): Caller {
  const user = c.get("user");
  if (user === undefined) throw new SamovarError("unauthenticated", "Sign in, or send an API token.");
  return user;
}

/** Says what is wrong with a request, field by field. */
export function toInvalidRequest(error: Pick<ZodError, "issues">): SamovarError {
  const issues = error.issues.slice(0, 20).map((issue) => ({ path: issue.path.join("."), message: issue.message }));
  const message = issues.map(({ path, message: text }) => (path === "" ? text : `${path}: ${text}`)).join("; ");
  return new SamovarError("invalid_request", message === "" ? "The request is not valid." : message, { issues });
}
