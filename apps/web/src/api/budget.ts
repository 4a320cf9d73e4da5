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
import { call } from "./client.ts";
import { budgetKey, pricesKey, projectBudgetKey } from "./query-keys.ts";

/** While a page shows sums, they are read again this often. */
const EVERY_MS = 10_000;

export const budgetQuery = queryOptions({
  queryKey: budgetKey,
  queryFn: ({ signal }): Promise<BudgetView> => call("/budget", budgetView, { signal }),
  staleTime: 0,
  refetchInterval: EVERY_MS,
});

export const putBudget = (limits: BudgetLimits): Promise<BudgetView> =>
  call("/budget", budgetView, { method: "PUT", body: limits });

export const projectBudgetQuery = (project: ProjectId) =>
  queryOptions({
    queryKey: projectBudgetKey(project),
    queryFn: ({ signal }): Promise<ProjectBudgetView> =>
      call(`/projects/${project}/budget`, projectBudgetView, { signal }),
    staleTime: 0,
    refetchInterval: EVERY_MS,
  });

export const putProjectBudget = (project: ProjectId, limits: ProjectBudgetLimits): Promise<ProjectBudgetView> =>
  call(`/projects/${project}/budget`, projectBudgetView, { method: "PUT", body: limits });

export const pricesQuery = queryOptions({
  queryKey: pricesKey,
  queryFn: ({ signal }): Promise<PriceTable> => call("/budget/prices", priceTable, { signal }),
});

export const putPrices = (prices: PutPrices): Promise<PriceTable> =>
  call("/budget/prices", priceTable, { method: "PUT", body: prices });

export const resetPrices = (): Promise<PriceTable> => call("/budget/prices", priceTable, { method: "DELETE" });
