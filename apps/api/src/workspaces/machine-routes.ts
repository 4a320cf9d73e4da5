/**
 * What a workspace may ask for while it holds its slot, and its machine keeps in memory only: its own agent's
 * credential, and the one for its own repository. Keeps S1.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { agentCredential, gitCredential, SamovarError, workspaceId } from "@samovar/contracts";
import type { WorkspaceId } from "@samovar/base";
import type { Context } from "hono";
import { apiRouter } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { bearer, verifyWorkspaceToken } from "../identity/machine-tokens.ts";
import { nodeObject } from "../nodes/durable-object/stub.ts";
import { credentialOfAgent, credentialOfRepository } from "./machine-credentials.ts";
import { findWorkspace } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

const params = z.object({ workspaceId });

const forAgent = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/agent-credential",
  summary: "The credential that this workspace's agent needs.",
  request: { params },
  responses: { 200: json(agentCredential, "The credential") },
});

const forGit = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/git-credential",
  summary: "The credential for this workspace's repository, and for its host alone.",
  request: { params },
  responses: { 200: json(gitCredential, "The credential, or null where none is stored") },
});

export function workspaceMachineRoutes(): Router {
  const router = apiRouter();

  router.openapi(forAgent, async (c) => {
    const row = await admitted(c, c.req.valid("param").workspaceId);
    const credential = await credentialOfAgent(c.get("deps"), row);
    c.header("cache-control", "no-store");
    return c.json(credential, 200);
  });

  router.openapi(forGit, async (c) => {
    const row = await admitted(c, c.req.valid("param").workspaceId);
    const credential = await credentialOfRepository(c.get("deps"), row);
    c.header("cache-control", "no-store");
    return c.json({ credential }, 200);
  });

  return router;
}

/** The workspace of the address. Throws `unauthenticated` unless the token is its own and it holds a slot now. */
async function admitted(c: Context<AppContext>, id: WorkspaceId): Promise<WorkspaceRow> {
  const { config, clock, db } = c.get("deps");
  const claims = await verifyWorkspaceToken(config, bearer(c), clock.now());
  const row = claims.workspace === id ? await findWorkspace(db, claims.workspace) : null;
  if (row === null || !(await nodeObject(c.env, claims.node).admits(claims.workspace, claims.epoch))) {
    throw new SamovarError("unauthenticated", "The token is not for a workspace that runs.");
  }
  return row;
}
