/** Workspaces: seen, looked into, and those that were kept given more time or destroyed. */
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
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { destroyWorkspace } from "./destroy.ts";
import { extendWorkspace } from "./extend.ts";
import { lookIntoWorkspace } from "./look.ts";
import { listWorkspaces, requireWorkspace, workspaceView } from "./store.ts";

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
  summary: "Destroys a kept workspace and what is in it.",
  request: { params },
  responses: { 202: json(workspaceSchema, "The workspace, on its way") },
});

const extend = createRoute({
  method: "post",
  path: "/api/workspaces/{workspaceId}/extend",
  summary: "Keeps a kept workspace for so long from now; never shorter than it was.",
  request: { params, body: jsonBody(extendSchema) },
  responses: { 200: json(workspaceSchema, "The workspace, with the time that it has now") },
});

const look = createRoute({
  method: "get",
  path: "/api/workspaces/{workspaceId}/diff",
  summary: "Looks into a workspace that exists: its branch and what has changed in it, as its machine tells it now.",
  request: { params },
  responses: { 200: json(workspaceDiff, "What is there") },
});

export function workspaceRoutes(): Router {
  const router = apiRouter();

  router.openapi(list, async (c) => {
    const { state, ...query } = c.req.valid("query");
    const found = await listWorkspaces(c.get("deps").db, currentUser(c).id, {
      ...query,
      states: state === undefined ? undefined : [state],
    });
    return c.json({ items: found.items.map(workspaceView), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(get, async (c) => {
    const row = await requireWorkspace(c.get("deps").db, currentUser(c).id, c.req.valid("param").workspaceId);
    return c.json(workspaceView(row), 200);
  });

  router.openapi(destroy, async (c) => {
    const deps = c.get("deps");
    const { db } = deps;
    const row = await requireWorkspace(db, currentUser(c).id, c.req.valid("param").workspaceId);
    if (row.state === "creating" || row.state === "ready" || row.state === "busy") {
      throw new SamovarError("conflict", "A task is using this workspace; cancel the task first.");
    }
    if (row.state !== "destroyed") await destroyWorkspace(deps, row, "asked");
    return c.json(workspaceView(await requireWorkspace(db, row.ownerId, row.id)), 202);
  });

  router.openapi(extend, async (c) => {
    const deps = c.get("deps");
    const row = await requireWorkspace(deps.db, currentUser(c).id, c.req.valid("param").workspaceId);
    return c.json(workspaceView(await extendWorkspace(deps, row, c.req.valid("json").keepForMs)), 200);
  });

  router.openapi(look, async (c) => {
    const row = await requireWorkspace(c.get("deps").db, currentUser(c).id, c.req.valid("param").workspaceId);
    return c.json(await lookIntoWorkspace(c.env, row), 200);
  });

  return router;
}
