/** Routes for a person's nodes: list, inspect, drain, destroy. Tasks create them. */
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
import type { Context } from "hono";
import { recordAction, toActor } from "../audit/store.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { listChanges } from "./history.ts";
import { getNodeObject } from "./durable-object/stub.ts";
import { listSizes } from "./sizes.ts";
import { spendingSince } from "./spending.ts";
import { listWork } from "./work.ts";
import { listNodes, requireNode, toNodeView } from "./store.ts";
import type { NodeRow } from "./store.ts";

const params = z.object({ nodeId });

const list = createRoute({
  method: "get",
  path: "/api/nodes",
  summary: "Lists nodes, newest first; without `state`, those that are not destroyed.",
  request: { query: pageQuery.extend({ state: nodeState.optional() }) },
  responses: { 200: json(page(nodeSchema), "A page of nodes") },
});

const HOUR_MS = 3_600_000;
const BUCKETS = 96;

const history = createRoute({
  method: "get",
  path: "/api/nodes/history",
  summary: "Shows over time how many nodes were starting, working or waiting for work.",
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
  summary: "Shows what nodes have cost since a given time; every hour begun counts.",
  request: {
    query: z.object({
      since: z.coerce
        .number()
        .pipe(millis)
        .openapi({ param: { required: true } }),
    }),
  },
  responses: { 200: json(spendingSchema, "The cost") },
});

const work = createRoute({
  method: "get",
  path: "/api/nodes/tasks",
  summary: "Lists the tasks of all projects that run on a node or have a retained workspace there.",
  responses: { 200: json(page(nodeWork), "The tasks, ordered by node") },
});

const sizes = createRoute({
  method: "get",
  path: "/api/sizes",
  summary: "Lists node sizes with current prices; without figures while the provider is unavailable.",
  responses: { 200: json(page(sizeOffer), "The sizes, smallest first") },
});

const get = createRoute({
  method: "get",
  path: "/api/nodes/{nodeId}",
  summary: "Shows a node.",
  request: { params },
  responses: { 200: json(nodeSchema, "The node") },
});

const drain = createRoute({
  method: "post",
  path: "/api/nodes/{nodeId}/drain",
  summary: "Drains a node: it finishes its work, takes no more, and is destroyed once its last workspace is gone.",
  request: { params },
  responses: { 202: json(nodeSchema, "The node") },
});

const destroy = createRoute({
  method: "post",
  path: "/api/nodes/{nodeId}/destroy",
  summary: "Destroys a node now. Its running tasks fail.",
  request: { params },
  responses: { 202: json(nodeSchema, "The node, being destroyed") },
});

export function nodeRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const { state, ...query } = c.req.valid("query");
    const found = await listNodes(c.get("deps").db, requireUser(c).id, {
      ...query,
      states: state === undefined ? undefined : [state],
    });
    return c.json({ items: found.items.map(toNodeView), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(history, async (c) => {
    const { db, clock } = c.get("deps");
    const until = clock.now();
    const { hours } = c.req.valid("query");
    const bucketMs = (hours * HOUR_MS) / BUCKETS;
    // Buckets start at multiples of their length, so that repeated requests put a moment in the same bucket.
    const from = Math.ceil(until / bucketMs) * bucketMs - hours * HOUR_MS;
    const changes = await listChanges(db, requireUser(c).id, from);
    return c.json({ bucketMs, buckets: getPoolBuckets(changes, { from, until, bucketMs }) }, 200);
  });

  router.openapi(spending, async (c) => {
    const { db, clock } = c.get("deps");
    return c.json(await spendingSince(db, requireUser(c).id, c.req.valid("query").since, clock.now()), 200);
  });

  router.openapi(work, async (c) => {
    const { db } = c.get("deps");
    return c.json({ items: [...(await listWork(db, requireUser(c).id))], nextCursor: null }, 200);
  });

  router.openapi(sizes, async (c) => {
    return c.json({ items: [...(await listSizes(c.get("deps"), requireUser(c).id))], nextCursor: null }, 200);
  });

  router.openapi(get, async (c) => {
    const row = await requireNode(c.get("deps").db, requireUser(c).id, c.req.valid("param").nodeId);
    return c.json(toNodeView(row), 200);
  });

  router.openapi(drain, async (c) => {
    const row = await requireNode(c.get("deps").db, requireUser(c).id, c.req.valid("param").nodeId);
    const node = getNodeObject(c.env, row.id);
    await recordNodeAction(c, "node.drained", row);
    await node.drain("Drained on request.");
    return c.json((await node.view()) ?? toNodeView(row), 202);
  });

  router.openapi(destroy, async (c) => {
    const row = await requireNode(c.get("deps").db, requireUser(c).id, c.req.valid("param").nodeId);
    const node = getNodeObject(c.env, row.id);
    await recordNodeAction(c, "node.destroyed", row);
    await node.destroy("Destroyed on request.");
    return c.json((await node.view()) ?? toNodeView(row), 202);
  });

  return router;
}

/** Recorded first: the object acts outside of D1. */
async function recordNodeAction(
  c: Context<AppContext>,
  action: "node.drained" | "node.destroyed",
  { id, name, state }: Pick<NodeRow, "id" | "name" | "state">,
): Promise<void> {
  if (state === "destroyed") return;
  await recordAction(c.get("deps"), toActor(requireUser(c)), { action, objectId: id, detail: { name } });
}
