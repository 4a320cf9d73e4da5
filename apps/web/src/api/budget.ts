/** Spending on models, its limits, and the prices. */
import type { ProjectId } from "@samovar/base";
import {
  budgetView,
  priceTable,
  projectBudgetView,
  type BudgetLimits,
  type BudgetView,
  type PriceTable,
  type ProjectBudgetLimits,
  type ProjectBudgetView,
  type PutPrices,
} from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";
import { budgetKey, pricesKey, projectBudgetKey } from "./query-keys.ts";

/** While a page shows sums, they are read again this often. */
const EVERY_MS = 10_000;

export const budgetQuery = queryOptions({
  queryKey: budgetKey,
  queryFn: ({ signal }): Promise<BudgetView> => api.call("GET /api/budget", budgetView, {}, { signal }),
  staleTime: 0,
  refetchInterval: EVERY_MS,
});

export const putBudget = (limits: BudgetLimits): Promise<BudgetView> =>
  api.call("PUT /api/budget", budgetView, { body: limits });

export const projectBudgetQuery = (projectId: ProjectId) =>
  queryOptions({
    queryKey: projectBudgetKey(projectId),
    queryFn: ({ signal }): Promise<ProjectBudgetView> =>
      api.call("GET /api/projects/{projectId}/budget", projectBudgetView, { projectId }, { signal }),
    staleTime: 0,
    refetchInterval: EVERY_MS,
  });

export const putProjectBudget = (projectId: ProjectId, limits: ProjectBudgetLimits): Promise<ProjectBudgetView> =>
  api.call("PUT /api/projects/{projectId}/budget", projectBudgetView, { projectId, body: limits });

export const pricesQuery = queryOptions({
  queryKey: pricesKey,
  queryFn: ({ signal }): Promise<PriceTable> => api.call("GET /api/budget/prices", priceTable, {}, { signal }),
});

export const putPrices = (prices: PutPrices): Promise<PriceTable> =>
  api.call("PUT /api/budget/prices", priceTable, { body: prices });

export const resetPrices = (): Promise<PriceTable> => api.call("DELETE /api/budget/prices", priceTable);
