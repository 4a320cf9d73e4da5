/** Credentials: written, checked and deleted by people, never read back. */
import { createRoute, z } from "@hono/zod-openapi";
import type { UserId } from "@samovar/base";
import {
  credentialCheck,
  credentialKind,
  credentialSecret,
  credentialView,
  page,
  SamovarError,
} from "@samovar/contracts";
import type { AgentDefinition, AgentKind, CredentialSecret } from "@samovar/contracts";
import { toActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { checkCredential } from "./check.ts";
import { deleteCredential, getKind, listCredentials, putCredential, readCredential } from "./store.ts";

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

const validate = createRoute({
  method: "post",
  path: "/api/credentials/{kind}/validate",
  summary: "Asks the credential's own service whether it is good.",
  request: { params },
  responses: { 200: json(credentialCheck, "What the service said") },
});

/** An agent that the owner has defined; null when there is none of this name. */
type FindDefinition = (db: Database, ownerId: UserId, kind: AgentKind) => Promise<AgentDefinition | null>;

/** Agents stand above credentials: the composition root hands in how one is found. */
export function credentialRoutes(findDefinition: FindDefinition): Router {
  const router = createRouter();

  router.openapi(list, async (c) =>
    c.json({ items: await listCredentials(c.get("deps").db, requireUser(c).id), nextCursor: null }, 200),
  );

  router.openapi(put, async (c) => {
    const secret = c.req.valid("json");
    if (getKind(secret) !== c.req.valid("param").kind) {
      throw new SamovarError(
        "invalid_request",
        "kind: the body is a credential of another kind than the address names",
      );
    }
    assertHoldsSomething(secret);
    if (secret.kind === "agent" && (await findDefinition(c.get("deps").db, requireUser(c).id, secret.agent)) === null)
      throw refuseWithoutAgent(secret.agent);
    return c.json(await putCredential(c.get("deps"), toActor(requireUser(c)), secret), 200);
  });

  router.openapi(drop, async (c) => {
    const found = await deleteCredential(c.get("deps"), toActor(requireUser(c)), c.req.valid("param").kind);
    if (!found) throw new SamovarError("not_found", "There is no such credential.");
    return c.body(null, 204);
  });

  router.openapi(validate, async (c) => {
    const { env, config } = c.get("deps");
    const secret = await readCredential(env, requireUser(c).id, c.req.valid("param").kind);
    if (secret === null) throw new SamovarError("not_found", "There is no such credential. Store it first.");
    return c.json(await checkCredential(config, secret), 200);
  });

  return router;
}

function assertHoldsSomething(secret: CredentialSecret): void {
  const isModels = secret.kind === "anthropic" || secret.kind === "openai" || secret.kind === "google";
  if (!isModels || secret.apiKey !== undefined || secret.baseUrl !== undefined) return;
  if (secret.kind !== "anthropic")
    throw new SamovarError("invalid_request", "Give an apiKey, or a baseUrl that asks for none.");
  if (secret.oauthToken !== undefined) return;
  throw new SamovarError("invalid_request", "Give an apiKey, an oauthToken, or a baseUrl that asks for neither.");
}

/** Variables of an undefined agent would never be used or deleted. */
function refuseWithoutAgent(agent: AgentKind): SamovarError {
  return new SamovarError(
    "agent_not_configured",
    `There is no agent of your own named ${agent}. Add it first, then store its variables.`,
    { agent, settingsPath: "/settings/agents" },
  );
}
