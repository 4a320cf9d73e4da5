/** Routes for workspaces: list, inspect, diff; extend or destroy a retained one. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  extendWorkspace as extendSchema,
  page,
  pageQuery,
  SamovarError,
  workspaceId,
  workspaceDiff,
  workspaceState,
  workspaceView as workspaceSchema,
} from "@samovar/contracts";
import { recordAction, toActor } from "../audit/store.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { destroyWorkspace } from "./destroy.ts";
import { extendWorkspace } from "./extend.ts";
import { readWorkspaceDiff } from "./read-workspace-diff.ts";
import { listWorkspaces, requireWorkspace, toWorkspaceView } from "./store.ts";

const params = z.object({ workspaceId });

const list = createRoute({
  method: "get",
  path: "/api/workspaces",
  summary: "Lists workspaces, newest first.",
  request: { query: pageQuery.extend({ state: workspaceState.optional() }) },
  responses: { 200: json(page(workspaceSchema), "A page of workspaces") },
});

const get = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}",
  summary: "Shows a workspace.",
  request: { params },
  responses: { 200: json(workspaceSchema, "The workspace") },
});

const destroy = createRoute({
  method: "post",
  path: "/api/workspaces/{workspaceId}/destroy",
  summary: "Destroys a retained workspace with its contents.",
  request: { params },
  responses: { 202: json(workspaceSchema, "The workspace, being destroyed") },
});

const extend = createRoute({
  method: "post",
  path: "/api/workspaces/{workspaceId}/extend",
  summary: "Retains a workspace for this long from now; never shortens its retention.",
  request: { params, body: jsonBody(extendSchema) },
  responses: { 200: json(workspaceSchema, "The workspace, with its new retention") },
});

const diff = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/diff",
  summary: "Shows the branch and the changes of an existing workspace, as its node reports them now.",
  request: { params },
  responses: { 200: json(workspaceDiff, "The branch and its changes") },
});

export function workspaceRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const { state, ...query } = c.req.valid("query");
    const found = await listWorkspaces(c.get("deps").db, requireUser(c).id, {
      ...query,
      states: state === undefined ? undefined : [state],
    });
    return c.json({ items: found.items.map(toWorkspaceView), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(get, async (c) => {
    const row = await requireWorkspace(c.get("deps").db, requireUser(c).id, c.req.valid("param").workspaceId);
    return c.json(toWorkspaceView(row), 200);
  });

  router.openapi(destroy, async (c) => {
    const deps = c.get("deps");
    const { db } = deps;
    const row = await requireWorkspace(db, requireUser(c).id, c.req.valid("param").workspaceId);
    if (row.state === "creating" || row.state === "ready" || row.state === "busy") {
      throw new SamovarError("conflict", "A task is using this workspace. Cancel the task first.");
    }
    if (row.state !== "destroyed") {
      // Recorded first: the node acts outside of D1.
      const detail = { taskId: row.taskId, branch: row.branch };
      await recordAction(deps, toActor(requireUser(c)), { action: "workspace.destroyed", objectId: row.id, detail });
      await destroyWorkspace(deps, row, "requested");
    }
    return c.json(toWorkspaceView(await requireWorkspace(db, row.ownerId, row.id)), 202);
  });

  router.openapi(extend, async (c) => {
    const deps = c.get("deps");
    const row = await requireWorkspace(deps.db, requireUser(c).id, c.req.valid("param").workspaceId);
    return c.json(toWorkspaceView(await extendWorkspace(deps, row, c.req.valid("json").keepForMs)), 200);
  });

  router.openapi(diff, async (c) => {
    const row = await requireWorkspace(c.get("deps").db, requireUser(c).id, c.req.valid("param").workspaceId);
    return c.json(await readWorkspaceDiff(c.env, row), 200);
  });

  return router;
}
