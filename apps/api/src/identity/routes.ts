/** What a person may do about their own identity. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  apiTokenId,
  apiTokenView,
  createApiToken,
  createdApiToken,
  meView,
  page,
  SamovarError,
  signInLink,
} from "@samovar/contracts";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { deleteApiToken, listApiTokens, mintApiToken } from "./api-tokens.ts";
import { endCookieSession } from "./cookie-sessions.ts";
import { makeSignInLink } from "./sign-in-links.ts";

const me = createRoute({
  method: "get",
  path: "/api/me",
  summary: "Who is asking.",
  responses: { 200: json(meView, "The caller") },
});

const link = createRoute({
  method: "post",
  path: "/api/identity/links",
  summary: "Makes a one-time sign-in link.",
  responses: { 200: json(signInLink, "The link; 15 minutes, one use") },
});

const signOut = createRoute({
  method: "post",
  path: "/api/identity/sign-out",
  summary: "Ends this browser's session.",
  responses: { 204: { description: "Signed out" } },
});

const listTokens = createRoute({
  method: "get",
  path: "/api/tokens",
  summary: "Lists the caller's API tokens.",
  responses: { 200: json(page(apiTokenView), "Every token, without its secret") },
});

const makeToken = createRoute({
  method: "post",
  path: "/api/tokens",
  summary: "Makes an API token.",
  request: { body: jsonBody(createApiToken) },
  responses: { 201: json(createdApiToken, "The token, which is shown this once") },
});

const dropToken = createRoute({
  method: "delete",
  path: "/api/tokens/{tokenId}",
  summary: "Revokes an API token.",
  request: { params: z.object({ tokenId: apiTokenId }) },
  responses: { 204: { description: "Revoked" } },
});

export function identityRoutes(): Router {
  const router = apiRouter();

  router.openapi(me, (c) => {
    const { id, name, via } = currentUser(c);
    return c.json({ id, name, via }, 200);
  });

  router.openapi(link, async (c) => c.json(await makeSignInLink(c.get("deps"), currentUser(c).id), 200));

  router.openapi(signOut, async (c) => {
    await endCookieSession(c);
    return c.body(null, 204);
  });

  router.openapi(listTokens, async (c) =>
    c.json({ items: await listApiTokens(c.get("deps"), currentUser(c).id), nextCursor: null }, 200),
  );

  router.openapi(makeToken, async (c) => {
    const { name, expiresAt } = c.req.valid("json");
    const deps = c.get("deps");
    if (expiresAt != null && expiresAt <= deps.clock.now()) {
      throw new SamovarError("invalid_request", "expiresAt: a token must end in the future");
    }
    return c.json(await mintApiToken(deps, currentUser(c).id, name, expiresAt ?? null), 201);
  });

  router.openapi(dropToken, async (c) => {
    const found = await deleteApiToken(c.get("deps"), currentUser(c).id, c.req.valid("param").tokenId);
    if (!found) throw new SamovarError("not_found", "There is no such token.");
    return c.body(null, 204);
  });

  return router;
}
