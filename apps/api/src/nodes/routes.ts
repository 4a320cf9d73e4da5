/** A person's machines: seen, drained, destroyed. They are made by tasks. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  millis,
  NODE_HISTORY_MS,
  nodeId,
  nodeState,
  nodeView as nodeSchema,
  nodeWork,
  page,
  pageQuery,
  poolHistory,
  sizeOffer,
  spending as spendingSchema,
} from "@samovar/contracts";
import { getPoolBuckets } from "@samovar/domain/pool-history";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { listChanges } from "./history.ts";
import { nodeObject } from "./durable-object/stub.ts";
import { sizesOf } from "./sizes.ts";
import { spendingSince } from "./spending.ts";
import { listWork } from "./work.ts";
import { listNodes, nodeView, requireNode } from "./store.ts";

const params = z.object({ nodeId });

const list = createRoute({
  method: "get",
  path: "/api/nodes",
  summary: "Lists machines, newest first; without `state`, those that are not destroyed.",
  request: { query: pageQuery.extend({ state: nodeState.optional() }) },
  responses: { 200: json(page(nodeSchema), "A page of machines") },
});

const HOUR_MS = 3_600_000;
const BUCKETS = 96;

const history = createRoute({
  method: "get",
  path: "/api/nodes/history",
  summary: "Tells what the machines did lately: how many came up, worked, and waited for work, over time.",
  request: {
    query: z.object({
      hours: z.coerce
        .number()
        .int()
        .min(1)
        .max(NODE_HISTORY_MS / HOUR_MS)
        .default(24),
    }),
  },
  responses: { 200: json(poolHistory, "The pool over time") },
});

const spending = createRoute({
  method: "get",
  path: "/api/nodes/cost",
  summary: "Tells what machines cost since a moment, by the hours that they began.",
  request: {
    query: z.object({
      since: z.coerce
        .number()
        .pipe(millis)
        .openapi({ param: { required: true } }),
    }),
  },
  responses: { 200: json(spendingSchema, "What they cost") },
});

const work = createRoute({
  method: "get",
  path: "/api/nodes/tasks",
  summary: "Lists the tasks that run on a machine, or whose workspaces are kept there, whatever their project.",
  responses: { 200: json(page(nodeWork), "The tasks, in the order of their machines") },
});

const sizes = createRoute({
  method: "get",
  path: "/api/sizes",
  summary: "Lists the sizes of machines with what each costs now; without figures while the provider is away.",
  responses: { 200: json(page(sizeOffer), "The sizes, the smallest first") },
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

  router.openapi(history, async (c) => {
    const { db, clock } = c.get("deps");
    const until = clock.now();
    const { hours } = c.req.valid("query");
    const bucketMs = (hours * HOUR_MS) / BUCKETS;
    // Whole stretches of the clock, so that the same moment is in the same one however often it is asked.
    const from = Math.ceil(until / bucketMs) * bucketMs - hours * HOUR_MS;
    const changes = await listChanges(db, currentUser(c).id, from);
    return c.json({ bucketMs, buckets: getPoolBuckets(changes, { from, until, bucketMs }) }, 200);
  });

  router.openapi(spending, async (c) => {
    const { db, clock } = c.get("deps");
    return c.json(await spendingSince(db, currentUser(c).id, c.req.valid("query").since, clock.now()), 200);
  });

  router.openapi(work, async (c) => {
    const { db } = c.get("deps");
    return c.json({ items: [...(await listWork(db, currentUser(c).id))], nextCursor: null }, 200);
  });

  router.openapi(sizes, async (c) => {
    return c.json({ items: [...(await sizesOf(c.get("deps"), currentUser(c).id))], nextCursor: null }, 200);
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
