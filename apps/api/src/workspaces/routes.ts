/** Workspaces: seen, and destroyed when they were kept after a failure. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  page,
  pageQuery,
  SamovarError,
  workspaceId,
  workspaceState,
  workspaceView as workspaceSchema,
} from "@samovar/contracts";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { destroyWorkspace } from "./destroy.ts";
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
    const { db, clock } = c.get("deps");
    const row = await requireWorkspace(db, currentUser(c).id, c.req.valid("param").workspaceId);
    if (row.state === "creating" || row.state === "ready" || row.state === "busy") {
      throw new SamovarError("conflict", "A task is using this workspace; cancel the task first.");
    }
    if (row.state !== "destroyed") await destroyWorkspace(c.env, row, clock.now());
    return c.json(workspaceView(await requireWorkspace(db, row.ownerId, row.id)), 202);
  });

  return router;
}
