/** Spending on models: what the gateway metered, what it cost, and the limits. Money is in whole micro-dollars (USD). */
import * as z from "zod";
import { millis, projectId } from "./ids.ts";

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** The tokens of one model. Each token is in exactly one of the counts. */
export const modelUsage = z.object({
  /** As the model's provider names it in its replies. */
  model: z.string().min(1).max(200),
  /** Input that was neither read from the provider's cache nor written to it. */
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count,
  cacheWriteTokens: count,
});
export type ModelUsage = z.infer<typeof modelUsage>;

/** How many models of a session are distinguished; the rest are counted together. */
export const MAX_METERED_MODELS = 20;

/** What the gateway of one session has metered since the session's start. Every number only grows. */
export const meteredUsage = z.object({
  models: z.array(modelUsage).max(MAX_METERED_MODELS + 1),
  /** Answered model calls whose reply reported its usage. */
  calls: count,
  /** Answered model calls whose reply did not. */
  unmeteredCalls: count,
});
export type MeteredUsage = z.infer<typeof meteredUsage>;
export const NOTHING_METERED: MeteredUsage = { models: [], calls: 0, unmeteredCalls: 0 };

/** USD per million tokens, with at most six decimals. */
const usdPerMillion = z
  .number()
  .min(0)
  .max(100_000)
  .refine((usd) => Math.abs(usd * 1e6 - Math.round(usd * 1e6)) < 1e-3, "at most six decimals");

export const modelPrice = z.object({
  /** A model's name, in which `*` stands for any text. The first price whose pattern fits counts. */
  pattern: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^[A-Za-z0-9*._:/@-]+$/, "use a model's name, with * for any text"),
  input: usdPerMillion,
  output: usdPerMillion,
  cacheRead: usdPerMillion,
  cacheWrite: usdPerMillion,
});
export type ModelPrice = z.infer<typeof modelPrice>;

export const modelPrices = z
  .array(modelPrice)
  .max(200)
  .refine(
    (prices) => new Set(prices.map(({ pattern }) => pattern.toLowerCase())).size === prices.length,
    "each pattern only once",
  );

/** `GET /api/budget/prices` */
export const priceTable = z.object({
  prices: modelPrices,
  /** The day on which the prices were true, as `2026-11-30`. */
  asOf: z.iso.date(),
  /** Null: Samovar's own table; else when it was changed here. */
  changedAt: millis.nullable(),
});
export type PriceTable = z.infer<typeof priceTable>;

export const putPrices = priceTable.omit({ changedAt: true });
export type PutPrices = z.infer<typeof putPrices>;

/** The highest limit: ten million dollars. */
const MAX_MICROS = 10_000_000_000_000;

/** Either limit may be absent (null). Both count from the first token. */
export const spendingLimit = z.object({
  costMicros: z.number().int().positive().max(MAX_MICROS).nullable(),
  /** Tokens of all kinds: for models whose price is not known. */
  tokens: z.number().int().positive().max(Number.MAX_SAFE_INTEGER).nullable(),
});
export type SpendingLimit = z.infer<typeof spendingLimit>;
export const NO_LIMIT: SpendingLimit = { costMicros: null, tokens: null };

/** The limits of an installation. `task`: of each task, all its attempts together. `day`: of all tasks together, each UTC day. */
export const budgetLimits = z.object({ task: spendingLimit, day: spendingLimit });
export type BudgetLimits = z.infer<typeof budgetLimits>;

/** The limits of a project. `task` null: the installation's. The installation's limit of the day counts besides. */
export const projectBudgetLimits = z.object({ task: spendingLimit.nullable(), day: spendingLimit });
export type ProjectBudgetLimits = z.infer<typeof projectBudgetLimits>;

export const spentAmount = z.object({
  costMicros: count,
  /** Tokens of all kinds. */
  tokens: count,
  /** Those of models without a price; they are not in the cost. */
  unpricedTokens: count,
  /** Model calls that did not report their usage; they are in neither number. */
  unmeteredCalls: count,
});
export type SpentAmount = z.infer<typeof spentAmount>;
export const NOTHING_SPENT: SpentAmount = { costMicros: 0, tokens: 0, unpricedTokens: 0, unmeteredCalls: 0 };

/** What a task has spent in all its attempts, and its limit. */
export const taskSpending = spentAmount.extend({
  /** By model, over all attempts. */
  models: z.array(modelUsage),
  /** The task's own limit, or the one of its project or installation. */
  limit: spendingLimit,
});
export type TaskSpending = z.infer<typeof taskSpending>;

/** `GET /api/budget`, for the installation. */
export const budgetView = z.object({
  limits: budgetLimits,
  /** The present UTC day, as `2026-11-30`. */
  day: z.iso.date(),
  today: spentAmount,
  /** Since the first of the UTC month. */
  month: spentAmount,
  /** Projects that spent something this month, the highest cost first. */
  projects: z.array(z.object({ projectId, name: z.string(), today: spentAmount, month: spentAmount })),
});
export type BudgetView = z.infer<typeof budgetView>;

/** `GET /api/projects/:p/budget` */
export const projectBudgetView = z.object({
  limits: projectBudgetLimits,
  installation: budgetLimits,
  day: z.iso.date(),
  today: spentAmount,
  month: spentAmount,
  /** What the whole installation has spent today. */
  installationToday: spentAmount,
});
export type ProjectBudgetView = z.infer<typeof projectBudgetView>;

/** Whose limit it is. */
export const limitScope = z.enum(["task", "project_day", "installation_day"]);
export type LimitScope = z.infer<typeof limitScope>;

/** A limit that a session host keeps by itself. */
export const sessionLimit = z.object({
  scope: limitScope,
  limit: spendingLimit,
  /** Spent within this limit before the session. */
  spent: spentAmount.pick({ costMicros: true, tokens: true }),
  /** From then on it no longer holds for the session: the end of a day. Null: it holds to the session's end. */
  until: millis.nullable(),
});
export type SessionLimit = z.infer<typeof sessionLimit>;

/** What a session may spend, and the prices by which its host counts. */
export const sessionBudget = z.object({ limits: z.array(sessionLimit).max(3), prices: modelPrices });
export type SessionBudget = z.infer<typeof sessionBudget>;
