/** Which node or workspace calls: its token is verified, and its requests are counted. Keeps S1. */
import type { NodeClaims, WorkspaceClaims } from "@samovar/contracts";
import type { Context } from "hono";
import type { AppContext } from "../http/context.ts";
import { assertNodeRequestsWithin, refuseSecret } from "../http/rate-limits.ts";
import { readBearer, ForgedTokenError, verifyNodeToken, verifyWorkspaceToken } from "./node-tokens.ts";

/** Throws `unauthenticated` and `rate_limited`. */
export async function authenticateNode(c: Context<AppContext>): Promise<NodeClaims> {
  const { config, clock } = c.get("deps");
  const claims = await countForged(c, () => verifyNodeToken(config, readBearer(c), clock.now()));
  assertNodeRequestsWithin(c, claims.node);
  return claims;
}

/** Throws `unauthenticated` and `rate_limited`. A workspace's requests are its own, so that it cannot use up its node's. */
export async function authenticateWorkspace(c: Context<AppContext>): Promise<WorkspaceClaims> {
  const { config, clock } = c.get("deps");
  const claims = await countForged(c, () => verifyWorkspaceToken(config, readBearer(c), clock.now()));
  assertNodeRequestsWithin(c, claims.workspace);
  return claims;
}

/** An expired token of ours is no guess: after a long sleep, many nodes of one address may come with one. */
async function countForged<T>(c: Context<AppContext>, verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof ForgedTokenError) throw refuseSecret(c, error.message);
    throw error;
  }
}
