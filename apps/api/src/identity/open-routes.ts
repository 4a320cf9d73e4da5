/** What can be called before anybody has signed in: the set-up (with the operator's secret) and a link's redemption. */
import { createRoute } from "@hono/zod-openapi";
import {
  createDeviceLogin,
  createdDeviceLogin,
  deviceLoginOutcome,
  meView,
  redeemDeviceLogin,
  redeemLink,
  SamovarError,
  setupReply,
  setupRequest,
} from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { users } from "../database/schema.ts";
import { createRouter } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { getClientAddress } from "../http/client-address.ts";
import { assertDeviceLoginsWithin, assertSetupsWithin, refuseSecret } from "../http/rate-limits.ts";
import { json, jsonBody } from "../http/route.ts";
import { assertSameOrigin } from "../http/same-origin.ts";
import { deleteLocalTokens, mintApiToken } from "./api-tokens.ts";
import * as devices from "./device-logins.ts";
import { readBearer, getPublicKeys } from "./node-tokens.ts";
import { ensureOwner } from "./owner.ts";
import { isSameSecret } from "./secrets.ts";
import type { CloseViewers } from "./routes.ts";
import { redeemSignInLink } from "./sign-in-links.ts";
import { beginSignInSession } from "./sign-in-sessions.ts";

const setup = createRoute({
  method: "post",
  path: "/api/identity/setup",
  summary: "Creates the owner if there is none, and an API token. Authorised by the operator's secret.",
  request: { body: jsonBody(setupRequest) },
  responses: { 200: json(setupReply, "The owner, and a token that is shown only once") },
});

const redeem = createRoute({
  method: "post",
  path: "/api/identity/redeem",
  summary: "Signs a browser in with a one-time link.",
  request: { body: jsonBody(redeemLink) },
  responses: { 200: json(meView, "Signed in; the cookie is set") },
});

const beginDeviceLogin = createRoute({
  method: "post",
  path: "/api/identity/device-logins",
  summary: "Requests an API token for a command line; a person answers on the page.",
  request: { body: jsonBody(createDeviceLogin) },
  responses: { 201: json(createdDeviceLogin, "The code to compare, and the secret that gets the token") },
});

const endDeviceLogin = createRoute({
  method: "post",
  path: "/api/identity/device-logins/token",
  summary: "Returns the token of a device login, once the person has approved it.",
  request: { body: jsonBody(redeemDeviceLogin) },
  responses: { 200: json(deviceLoginOutcome, "The answer so far") },
});

export function openIdentityRoutes(closeViewers: CloseViewers): Router {
  const router = createRouter();

  router.openapi(setup, async (c) => {
    const deps = c.get("deps");
    if (!isSameSecret(readBearer(c), deps.config.OPERATOR_SECRET)) {
      throw refuseSecret(c, "This needs the operator's secret.");
    }
    assertSetupsWithin(c);
    const userId = await ensureOwner(deps);
    const actor = { kind: "operator", id: null, ownerId: userId } as const;
    if (c.req.valid("json").revokeEarlier)
      for (const earlier of await deleteLocalTokens(deps, actor)) await closeViewers(deps, earlier);
    const { id, token } = await mintApiToken(deps, actor, { name: "samovar up", kind: "local", expiresAt: null });
    return c.json({ userId, apiToken: token, apiTokenId: id }, 200);
  });

  router.openapi(redeem, async (c) => {
    assertSameOrigin(c);
    const deps = c.get("deps");
    const userId = await redeemSignInLink(deps, c.req.valid("json").token);
    if (userId === null) {
      throw refuseSecret(c, "This link has already been used or has expired. Create another one with: samovar login");
    }
    await beginSignInSession(c, userId);
    const [user] = await deps.db.select().from(users).where(eq(users.id, userId));
    return c.json({ id: userId, name: user?.name ?? "", via: "cookie" as const }, 200);
  });

  router.openapi(beginDeviceLogin, async (c) => {
    assertDeviceLoginsWithin(c);
    const { name } = c.req.valid("json");
    const begun = await devices.createDeviceLogin(c.get("deps"), { name, address: getClientAddress(c) });
    if (begun === null)
      throw new SamovarError(
        "rate_limited",
        "Too many command lines are waiting for an answer. Try again in 15 minutes.",
      );
    return c.json(begun, 201);
  });

  router.openapi(endDeviceLogin, async (c) => {
    const outcome = await devices.redeemDeviceLogin(c.get("deps"), c.req.valid("json").deviceCode);
    if (outcome === null) throw refuseSecret(c, "This device code is unknown. Sign in again with: samovar login URL");
    return c.json(outcome, 200);
  });

  router.get("/.well-known/jwks.json", (c) => c.json(getPublicKeys(c.get("deps").config)));

  return router;
}
