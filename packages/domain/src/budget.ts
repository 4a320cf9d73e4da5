/** Limits on spending: whether one is reached, and how a person reads it. Pure. */
import type { Millis } from "@samovar/base";
import type {
  BudgetLimits,
  Failure,
  LimitScope,
  MeteredUsage,
  ProjectBudgetLimits,
  SessionBudget,
  SessionLimit,
  SpendingLimit,
  SpentAmount,
} from "@samovar/contracts";
import { toSpent } from "./metering.ts";

type Spent = Pick<SpentAmount, "costMicros" | "tokens">;

export const BUDGET_EXCEEDED = "budget_exceeded";

/** A limit that is reached. */
export interface ReachedLimit {
  readonly scope: LimitScope;
  readonly limit: SpendingLimit;
  readonly spent: Spent;
}

export const isLimited = ({ costMicros, tokens }: SpendingLimit): boolean => costMicros !== null || tokens !== null;

/** A reached limit leaves nothing, so the next call would pass it. */
export function isReached(limit: SpendingLimit, spent: Spent): boolean {
  return (
    (limit.costMicros !== null && spent.costMicros >= limit.costMicros) ||
    (limit.tokens !== null && spent.tokens >= limit.tokens)
  );
}

/** How much of a limit is used, where 1 is all of it; null without a limit. Of two limits, the one that is used more. */
export function getUsedShare(limit: SpendingLimit, spent: Spent): number | null {
  const shares = [
    limit.costMicros === null ? null : spent.costMicros / limit.costMicros,
    limit.tokens === null ? null : spent.tokens / limit.tokens,
  ].filter((share) => share !== null);
  return shares.length === 0 ? null : Math.max(...shares);
}

/** From this share on, a limit counts as near. */
export const NEAR_LIMIT = 0.8;

/** The limit of a task: its own, else its project's, else the installation's. */
export const getTaskLimit = (
  own: SpendingLimit | null,
  project: Pick<ProjectBudgetLimits, "task">,
  installation: Pick<BudgetLimits, "task">,
): SpendingLimit => own ?? project.task ?? installation.task;

/** The first limit that a session has reached with what it has metered itself. */
export function findReachedLimit(budget: SessionBudget, metered: MeteredUsage, now: Millis): ReachedLimit | null {
  const own = toSpent(metered, budget.prices);
  const reached = budget.limits
    .filter(({ until }) => until === null || now < until)
    .map(({ scope, limit, spent }) => ({
      scope,
      limit,
      spent: { costMicros: spent.costMicros + own.costMicros, tokens: spent.tokens + own.tokens },
    }));
  return reached.find(({ limit, spent }) => isReached(limit, spent)) ?? null;
}

/** The limits that a session has to keep; those without a number are left out. */
export const toSessionLimits = (limits: readonly SessionLimit[]): SessionLimit[] =>
  limits.filter(({ limit }) => isLimited(limit));

const DAY_MS = 86_400_000;
/** The UTC day of a moment, as `2026-11-30`. */
export const toDay = (at: Millis): string => new Date(at).toISOString().slice(0, 10);
/** When the next UTC day begins. */
export const getDayEnd = (at: Millis): Millis => (Math.floor(at / DAY_MS) + 1) * DAY_MS;

/** The failure of a run that reached a limit: which one, what was spent, and where to raise it. */
export const toBudgetFailure = (reached: ReachedLimit): Failure => ({
  code: BUDGET_EXCEEDED,
  message: `${describeReached(reached)} The agent was stopped; its work is kept in the workspace. ${RAISE[reached.scope]}`,
});

/** Why a task waits for its day's limit. */
export const formatBudgetWait = (reached: ReachedLimit): string =>
  `Waits: today's budget is used up. ${describeReached(reached)} It starts when the UTC day ends or the limit is raised.`;

/** Why a task may not be run: its own limit is used up. */
export const formatBudgetRefusal = (reached: ReachedLimit): string =>
  `${describeReached(reached)} ${RAISE[reached.scope]}`;

/** One sentence, such as "This task has spent $1.20 of its limit of $1.00." */
function describeReached({ scope, limit, spent }: ReachedLimit): string {
  const byCost = limit.costMicros !== null && spent.costMicros >= limit.costMicros;
  const amounts =
    byCost && limit.costMicros !== null
      ? [formatMicros(spent.costMicros), formatMicros(limit.costMicros)]
      : [`${formatCount(spent.tokens)} tokens`, formatCount(limit.tokens ?? 0)];
  return `${SUBJECT[scope]} ${amounts[0]} of ${LIMIT_NAME[scope]} of ${amounts[1]}.`;
}

const SUBJECT: Record<LimitScope, string> = {
  task: "This task has spent",
  project_day: "This project has spent",
  installation_day: "All projects together have spent",
};
const LIMIT_NAME: Record<LimitScope, string> = {
  task: "its limit",
  project_day: "today's limit",
  installation_day: "today's limit",
};
const RAISE: Record<LimitScope, string> = {
  task: "Raise the task's limit (on its page, or with samovar budget task), then retry it.",
  project_day:
    "Raise the project's limit for a day in its settings, or wait for the next UTC day, then retry the task.",
  installation_day:
    "Raise the limit for a day in Settings → Budget, or wait for the next UTC day, then retry the task.",
};

/** Dollars: two decimals, more for small amounts, so that nothing is shown as nothing. */
export function formatMicros(micros: number): string {
  if (micros === 0) return "$0.00";
  const usd = micros / 1e6;
  if (usd >= 0.1) return `$${usd.toFixed(2)}`;
  if (usd >= 0.0001) return `$${usd.toFixed(4).replace(/0{1,2}$/, "")}`;
  return "less than $0.0001";
}

/** 1234567 → "1.2M". */
export function formatCount(value: number): string {
  if (value < 1000) return String(value);
  if (value < 999_950) return `${trim(value / 1000)}k`;
  if (value < 999_950_000) return `${trim(value / 1e6)}M`;
  return `${trim(value / 1e9)}B`;
}
const trim = (value: number): string => value.toFixed(1).replace(/\.0$/, "");
