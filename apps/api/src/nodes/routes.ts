/** A person's machines: seen, drained, destroyed. They are made by tasks. */
import { createRoute, z } from "@hono/zod-openapi";
import { nodeId, nodeState, nodeView as nodeSchema, page, pageQuery } from "@samovar/contracts";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { nodeObject } from "./object.ts";
import { listNodes, nodeView, requireNode } from "./store.ts";

const params = z.object({ nodeId });

const list = createRoute({
  method: "get",
  path: "/api/nodes",
  summary: "Lists machines, newest first; without `state`, those that are not destroyed.",
  request: { query: pageQuery.extend({ state: nodeState.optional() }) },
  responses: { 200: json(page(nodeSchema), "A page of machines") },
});

const get = createRoute({
  method: "get",
  path: "/api/nodes/{nodeId}",
  summary: "Shows a machine.",
  request: { params },
  responses: { 200: json(nodeSchema, "The machine") },
});

const drain = createRoute({
  method: "post",
  path: "/api/nodes/{nodeId}/drain",
  summary: "Lets a machine finish its work and take no more; it is destroyed when the last workspace is gone.",
  request: { params },
  responses: { 202: json(nodeSchema, "The machine") },
});

const destroy = createRoute({
  method: "post",
  path: "/api/nodes/{nodeId}/destroy",
  summary: "Destroys a machine now. What runs there fails.",
  request: { params },
  responses: { 202: json(nodeSchema, "The machine, on its way") },
});

export function nodeRoutes(): Router {
  const router = apiRouter();

  router.openapi(list, async (c) => {
    const { state, ...query } = c.req.valid("query");
    const found = await listNodes(c.get("deps").db, currentUser(c).id, {
      ...query,
      states: state === undefined ? undefined : [state],
    });
    return c.json({ items: found.items.map(nodeView), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(get, async (c) => {
    const row = await requireNode(c.get("deps").db, currentUser(c).id, c.req.valid("param").nodeId);
    return c.json(nodeView(row), 200);
  });

  router.openapi(drain, async (c) => {
    const row = await requireNode(c.get("deps").db, currentUser(c).id, c.req.valid("param").nodeId);
    const node = nodeObject(c.env, row.id);
    await node.drain("Drained on request.");
    return c.json((await node.view()) ?? nodeView(row), 202);
  });

  router.openapi(destroy, async (c) => {
    const row = await requireNode(c.get("deps").db, currentUser(c).id, c.req.valid("param").nodeId);
    const node = nodeObject(c.env, row.id);
    await node.destroy("Destroyed on request.");
    return c.json((await node.view()) ?? nodeView(row), 202);
  });

  return router;
}
