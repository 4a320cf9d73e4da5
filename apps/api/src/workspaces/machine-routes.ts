/** What a workspace's agent needs and may not keep on disk: the owner's model credential, while it holds its slot. Keeps S1. */
import { createRoute, z } from "@hono/zod-openapi";
import { agentCredential, SamovarError, workspaceId } from "@samovar/contracts";
import { readCredential } from "../credentials/store.ts";
import { apiRouter } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { bearer, verifyWorkspaceToken } from "../identity/machine-tokens.ts";
import { nodeObject } from "../nodes/object.ts";
import { findWorkspace } from "./store.ts";

const params = z.object({ workspaceId });

const credential = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/agent-credential",
  summary: "The credential that this workspace's agent needs.",
  request: { params },
  responses: { 200: json(agentCredential, "The credential") },
});

export function workspaceMachineRoutes(): Router {
  const router = apiRouter();

  router.openapi(credential, async (c) => {
    const { config, clock, db } = c.get("deps");
    const claims = await verifyWorkspaceToken(config, bearer(c), clock.now());
    const row =
      claims.workspace === c.req.valid("param").workspaceId ? await findWorkspace(db, claims.workspace) : null;
    if (row === null || !(await nodeObject(c.env, claims.node).admits(claims.workspace, claims.epoch))) {
      throw new SamovarError("unauthenticated", "The token is not for a workspace that runs.");
    }
    const secret = await readCredential(c.env, row.ownerId, "anthropic");
    if (secret?.kind !== "anthropic")
      throw new SamovarError("credentials_missing", "There is no credential for the model any more. Add it again.");
    c.header("cache-control", "no-store");
    return c.json(secret, 200);
  });

  return router;
}
