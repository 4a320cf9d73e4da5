/** Routes for spending: what was spent, the limits, and the prices. */
import { createRoute, z } from "@hono/zod-openapi";
import type { UserId } from "@samovar/base";
import {
  budgetLimits,
  budgetView,
  priceTable,
  projectBudgetLimits,
  projectBudgetView,
  projectId,
  putPrices as putPricesSchema,
} from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { toActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { budgets } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { requireProject } from "../projects/store.ts";
import { putLimits, UNLIMITED } from "./limits.ts";
import { getPrices, putPrices, resetPrices } from "./prices.ts";
import { viewBudget, viewProjectBudget } from "./sums.ts";

const inProject = z.object({ projectId });

const get = createRoute({
  method: "get",
  path: "/api/budget",
  summary: "Shows what the models cost today and this month (UTC), and the limits.",
  responses: { 200: json(budgetView, "The budget") },
});

const put = createRoute({
  method: "put",
  path: "/api/budget",
  summary: "Sets the limits of each task and of all tasks of a day; null for none.",
  request: { body: jsonBody(budgetLimits) },
  responses: { 200: json(budgetView, "The budget") },
});

const getProject = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/budget",
  summary: "Shows what a project's models cost today and this month (UTC), and its limits.",
  request: { params: inProject },
  responses: { 200: json(projectBudgetView, "The budget") },
});

const putProject = createRoute({
  method: "put",
  path: "/api/projects/{projectId}/budget",
  summary: "Sets a project's limits. For each task, null stands for the installation's limit.",
  request: { params: inProject, body: jsonBody(projectBudgetLimits) },
  responses: { 200: json(projectBudgetView, "The budget") },
});

const listPrices = createRoute({
  method: "get",
  path: "/api/budget/prices",
  summary: "Lists the prices of models, in USD per million tokens.",
  responses: { 200: json(priceTable, "The prices") },
});

const replacePrices = createRoute({
  method: "put",
  path: "/api/budget/prices",
  summary: "Replaces the prices of models. They count from now on.",
  request: { body: jsonBody(putPricesSchema) },
  responses: { 200: json(priceTable, "The prices") },
});

const removePrices = createRoute({
  method: "delete",
  path: "/api/budget/prices",
  summary: "Restores Samovar's own prices. They count from now on.",
  responses: { 200: json(priceTable, "The prices") },
});

/** Called after limits were changed: wakes tasks that wait for their day's limit. */
export type LimitsChanged = (deps: Deps, ownerId: UserId) => Promise<void>;

export function budgetRoutes(limitsChanged: LimitsChanged): Router {
  const router = createRouter();

  router.openapi(get, async (c) => {
    const { db, clock } = c.get("deps");
    const ownerId = requireUser(c).id;
    return c.json(await viewBudget(db, ownerId, await getLimits(db, ownerId), clock.now()), 200);
  });

  router.openapi(put, async (c) => {
    const deps = c.get("deps");
    const ownerId = requireUser(c).id;
    await putLimits(deps, toActor(requireUser(c)), ownerId, c.req.valid("json"));
    await limitsChanged(deps, ownerId);
    return c.json(await viewBudget(deps.db, ownerId, await getLimits(deps.db, ownerId), deps.clock.now()), 200);
  });

  router.openapi(getProject, async (c) => {
    const { db, clock } = c.get("deps");
    const { id, ownerId } = await requireProject(db, requireUser(c).id, c.req.valid("param").projectId);
    return c.json(await viewProjectBudget(db, { ownerId, projectId: id }, clock.now()), 200);
  });

  router.openapi(putProject, async (c) => {
    const deps = c.get("deps");
    const { id, ownerId } = await requireProject(deps.db, requireUser(c).id, c.req.valid("param").projectId);
    await putLimits(deps, toActor(requireUser(c)), id, c.req.valid("json"));
    await limitsChanged(deps, ownerId);
    return c.json(await viewProjectBudget(deps.db, { ownerId, projectId: id }, deps.clock.now()), 200);
  });

  router.openapi(listPrices, async (c) => c.json(await getPrices(c.get("deps").db, requireUser(c).id), 200));

  router.openapi(replacePrices, async (c) => {
    await putPrices(c.get("deps"), toActor(requireUser(c)), c.req.valid("json"));
    return c.json(await getPrices(c.get("deps").db, requireUser(c).id), 200);
  });

  router.openapi(removePrices, async (c) => {
    await resetPrices(c.get("deps"), toActor(requireUser(c)));
    return c.json(await getPrices(c.get("deps").db, requireUser(c).id), 200);
  });

  return router;
}

async function getLimits(db: Database, ownerId: UserId) {
  const [row] = await db.select({ limits: budgets.limits }).from(budgets).where(eq(budgets.scopeId, ownerId));
  return row === undefined ? UNLIMITED : budgetLimits.parse(row.limits);
}
