/**
 * The credentials that a workspace may request while its run's work goes on: its agent's and its repository's. The node keeps
 * them in memory only. Keeps S1.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { agentCredential, gitCredential, SamovarError, secretDigests, workspaceId } from "@samovar/contracts";
import type { WorkspaceId } from "@samovar/base";
import type { WorkspaceState } from "@samovar/contracts";
import type { Context } from "hono";
import { createRouter } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { authenticateWorkspace } from "../identity/node-callers.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { getSecretDigests } from "./secret-digests.ts";
import { getAgentCredential, getGitCredential } from "./workspace-credentials.ts";
import { findWorkspace } from "./store.ts";
import type { WorkspaceRow } from "./store.ts";

const params = z.object({ workspaceId });

const AT_WORK: ReadonlySet<WorkspaceState> = new Set(["creating", "ready", "busy"]);

const forAgent = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/agent-credential",
  summary: "Returns the credential of this workspace's agent.",
  request: { params },
  responses: { 200: json(agentCredential, "The credential") },
});

const forGit = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/git-credential",
  summary: "Returns the credential for this workspace's repository, valid for its host only.",
  request: { params },
  responses: { 200: json(gitCredential, "The credential, or null if none is stored") },
});

const ofSecrets = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/secret-digests",
  summary: "Returns digests by which this workspace's transcript is searched for the installation's secrets.",
  request: { params },
  responses: { 200: json(secretDigests, "The digests") },
});

export function workspaceNodeRoutes(): Router {
  const router = createRouter();

  router.openapi(forAgent, async (c) => {
    const row = await requireAdmitted(c, c.req.valid("param").workspaceId);
    const credential = await getAgentCredential(c.get("deps"), row);
    c.header("cache-control", "no-store");
    return c.json(credential, 200);
  });

  router.openapi(forGit, async (c) => {
    const row = await requireAdmitted(c, c.req.valid("param").workspaceId);
    const credential = await getGitCredential(c.get("deps"), row);
    c.header("cache-control", "no-store");
    return c.json({ credential }, 200);
  });

  router.openapi(ofSecrets, async (c) => {
    const { ownerId } = await requireAdmitted(c, c.req.valid("param").workspaceId);
    c.header("cache-control", "no-store");
    return c.json(await getSecretDigests(c.get("deps"), ownerId), 200);
  });

  return router;
}

/** The workspace at this address. Throws `unauthenticated` unless the token is for it and its run's work goes on, on the token's node. */
async function requireAdmitted(c: Context<AppContext>, id: WorkspaceId): Promise<WorkspaceRow> {
  const { db } = c.get("deps");
  const claims = await authenticateWorkspace(c);
  const row = claims.workspace === id ? await findWorkspace(db, claims.workspace) : null;
  const isHere = row !== null && row.nodeId === claims.node && AT_WORK.has(row.state);
  if (!isHere || !(await getNodeObject(c.env, claims.node).admits(claims.workspace, claims.epoch))) {
    throw new SamovarError("unauthenticated", "The token is not for a running workspace.");
  }
  return row;
}
