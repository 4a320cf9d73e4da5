/**
 * Adds up what a session's model calls used, and what that costs. Reports are cumulative, so merging them is the larger of
 * each number: a repeated, reordered or lost report changes nothing that a later one does not repair. Pure.
 */
import { MAX_METERED_MODELS } from "@samovar/contracts";
import type { MeteredUsage, ModelPrice, ModelUsage, SpentAmount } from "@samovar/contracts";
import { findPrice } from "./model-prices.ts";

const COUNTS = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"] as const;
type Count = (typeof COUNTS)[number];

/** The name under which further models are counted. */
const OTHER_MODELS = "other models";

/** Adds one answered call; null: its reply did not report its usage. */
export function addCall(metered: MeteredUsage, call: ModelUsage | null): MeteredUsage {
  if (call === null) return { ...metered, unmeteredCalls: metered.unmeteredCalls + 1 };
  return { ...metered, models: addModel(metered.models, call), calls: metered.calls + 1 };
}

/** Adds what two sessions used. */
export function sumMetered(a: MeteredUsage, b: MeteredUsage): MeteredUsage {
  return {
    models: b.models.reduce(addModel, a.models),
    calls: a.calls + b.calls,
    unmeteredCalls: a.unmeteredCalls + b.unmeteredCalls,
  };
}

function addModel(models: MeteredUsage["models"], call: ModelUsage): ModelUsage[] {
  const isKnown = models.some(({ model }) => model === call.model);
  const model = isKnown || models.length < MAX_METERED_MODELS ? call.model : OTHER_MODELS;
  const before = models.find((each) => each.model === model);
  if (before === undefined) return [...models, { ...call, model }];
  const sum = combine(before, call, (a, b) => a + b);
  return models.map((each) => (each === before ? sum : each));
}

/** Two reports of one session: the larger of each number. */
export function mergeMetered(a: MeteredUsage, b: MeteredUsage): MeteredUsage {
  const names = [...new Set([...a.models, ...b.models].map(({ model }) => model))];
  return {
    models: names.map((model) => combine(findModel(a, model), findModel(b, model), Math.max)),
    calls: Math.max(a.calls, b.calls),
    unmeteredCalls: Math.max(a.unmeteredCalls, b.unmeteredCalls),
  };
}

/** What `after` has more than `before`, which is not larger in any number. */
export function subtractMetered(after: MeteredUsage, before: MeteredUsage): MeteredUsage {
  const models = after.models
    .map((each) => combine(each, findModel(before, each.model), (a, b) => a - b))
    .filter((each) => countTokens([each]) > 0);
  return {
    models,
    calls: after.calls - before.calls,
    unmeteredCalls: after.unmeteredCalls - before.unmeteredCalls,
  };
}

const findModel = ({ models }: MeteredUsage, model: string): ModelUsage =>
  models.find((each) => each.model === model) ?? {
    model,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  };

function combine(a: ModelUsage, b: ModelUsage, how: (a: number, b: number) => number): ModelUsage {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, how(a[name], b[name])])) as Record<Count, number>;
  return { model: a.model, ...counts };
}

/** Tokens of all kinds. */
export const countTokens = (models: readonly ModelUsage[]): number =>
  models.reduce((sum, model) => sum + COUNTS.reduce((each, name) => each + model[name], 0), 0);

/** An exact cost: micro-dollars, and the millionths of one that are left over. */
export interface ExactCost {
  readonly micros: number;
  /** From 0 to 999 999. */
  readonly millionths: number;
}
export const NO_COST: ExactCost = { micros: 0, millionths: 0 };

const MILLION = 1_000_000;

/** Adds the cost of these tokens. Tokens without a price add nothing; {@link countUnpriced} counts them. */
export function addCost(cost: ExactCost, models: readonly ModelUsage[], prices: readonly ModelPrice[]): ExactCost {
  return models.reduce((sum, usage) => addModelCost(sum, usage, findPrice(prices, usage.model)), cost);
}

/** A price in USD per million tokens is as many micro-dollars per token, here in millionths of them. */
function addModelCost(cost: ExactCost, usage: ModelUsage, price: ModelPrice | null): ExactCost {
  if (price === null) return cost;
  const rates: Record<Count, number> = {
    inputTokens: price.input,
    outputTokens: price.output,
    cacheReadTokens: price.cacheRead,
    cacheWriteTokens: price.cacheWrite,
  };
  return COUNTS.reduce((sum, name) => addProduct(sum, usage[name], Math.round(rates[name] * MILLION)), cost);
}

/** In two parts, so that no product leaves the range of exact integers. */
function addProduct({ micros, millionths }: ExactCost, tokens: number, rate: number): ExactCost {
  const whole = Math.floor(rate / MILLION);
  const rest = millionths + (tokens % MILLION) * (rate % MILLION);
  return {
    micros: micros + tokens * whole + Math.floor(tokens / MILLION) * (rate % MILLION) + Math.floor(rest / MILLION),
    millionths: rest % MILLION,
  };
}

/** Tokens of models that have no price. */
export const countUnpriced = (models: readonly ModelUsage[], prices: readonly ModelPrice[]): number =>
  countTokens(models.filter(({ model }) => findPrice(prices, model) === null));

/** What this usage costs at these prices. */
export function toSpent({ models, unmeteredCalls }: MeteredUsage, prices: readonly ModelPrice[]): SpentAmount {
  return {
    costMicros: addCost(NO_COST, models, prices).micros,
    tokens: countTokens(models),
    unpricedTokens: countUnpriced(models, prices),
    unmeteredCalls,
  };
}

export function addSpent(a: SpentAmount, b: SpentAmount): SpentAmount {
  return {
    costMicros: a.costMicros + b.costMicros,
    tokens: a.tokens + b.tokens,
    unpricedTokens: a.unpricedTokens + b.unpricedTokens,
    unmeteredCalls: a.unmeteredCalls + b.unmeteredCalls,
  };
}
