/** Credentials: written and deleted by people, never read back. */
import { createRoute, z } from "@hono/zod-openapi";
import { credentialKind, credentialSecret, credentialView, page, SamovarError } from "@samovar/contracts";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { deleteCredential, kindOf, listCredentials, putCredential } from "./store.ts";

const params = z.object({ kind: credentialKind });

const list = createRoute({
  method: "get",
  path: "/api/credentials",
  summary: "Lists credentials, without their secrets.",
  responses: { 200: json(page(credentialView), "Every credential") },
});

const put = createRoute({
  method: "put",
  path: "/api/credentials/{kind}",
  summary: "Stores a credential; it takes the place of an older one of its kind.",
  request: { params, body: jsonBody(credentialSecret) },
  responses: { 200: json(credentialView, "The credential, without its secret") },
});

const drop = createRoute({
  method: "delete",
  path: "/api/credentials/{kind}",
  summary: "Deletes a credential.",
  request: { params },
  responses: { 204: { description: "Deleted" } },
});

export function credentialRoutes(): Router {
  const router = apiRouter();

  router.openapi(list, async (c) =>
    c.json({ items: await listCredentials(c.get("deps").db, currentUser(c).id), nextCursor: null }, 200),
  );

  router.openapi(put, async (c) => {
    const secret = c.req.valid("json");
    if (kindOf(secret) !== c.req.valid("param").kind) {
      throw new SamovarError(
        "invalid_request",
        "kind: the body is a credential of another kind than the address names",
      );
    }
    if (secret.kind === "anthropic" && !secret.apiKey && !secret.oauthToken && !secret.baseUrl) {
      throw new SamovarError("invalid_request", "Give an apiKey, an oauthToken, or a baseUrl that asks for neither.");
    }
    return c.json(await putCredential(c.get("deps"), currentUser(c).id, secret), 200);
  });

  router.openapi(drop, async (c) => {
    const found = await deleteCredential(c.get("deps").db, currentUser(c).id, c.req.valid("param").kind);
    if (!found) throw new SamovarError("not_found", "There is no such credential.");
    return c.body(null, 204);
  });

  return router;
}
