/** What tasks have spent in all their attempts, their limits, and what a new session of one may spend. */
import type { Millis, TaskId } from "@samovar/base";
import { meteredUsage, NO_LIMIT, NOTHING_METERED, NOTHING_SPENT, spendingLimit } from "@samovar/contracts";
import type { SessionBudget, SpendingLimit, TaskSpending } from "@samovar/contracts";
import { getDayEnd, getTaskLimit, isReached, toSessionLimits } from "@samovar/domain/budget";
import type { ReachedLimit } from "@samovar/domain/budget";
import { addSpent, sumMetered } from "@samovar/domain/metering";
import { sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import type { BudgetScope } from "./limits.ts";
import { getDayState, readLimits, readProjectLimits } from "./limits.ts";
import { getPrices } from "./prices.ts";

interface SpendingRow {
  readonly taskId: TaskId;
  readonly budget: string | null;
  readonly project: string | null;
  readonly installation: string | null;
  readonly metered: string | null;
  readonly costMicros: number | null;
  readonly tokens: number | null;
  readonly unpricedTokens: number | null;
  readonly unmeteredCalls: number | null;
}

/** A task that has no session yet has spent nothing. */
export const UNSPENT: TaskSpending = { ...NOTHING_SPENT, models: [], limit: NO_LIMIT };

/** One statement, however many tasks there are. */
export async function getTaskSpending(
  db: Database,
  ids: readonly TaskId[],
): Promise<ReadonlyMap<TaskId, TaskSpending>> {
  if (ids.length === 0) return new Map();
  const rows = await db.all<SpendingRow>(sql`
    SELECT t.id AS taskId, t.budget AS budget,
      (SELECT limits FROM budgets WHERE scope_id = t.project_id) AS project,
      (SELECT limits FROM budgets WHERE scope_id = p.owner_id) AS installation,
      s.metered AS metered, s.cost_micros AS costMicros, s.tokens AS tokens,
      s.unpriced_tokens AS unpricedTokens, s.unmetered_calls AS unmeteredCalls
    FROM tasks t JOIN projects p ON p.id = t.project_id LEFT JOIN run_spending s ON s.task_id = t.id
    WHERE t.id IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
  const byTask = new Map<TaskId, TaskSpending>();
  for (const row of rows) byTask.set(row.taskId, addAttempt(byTask.get(row.taskId) ?? startSpending(row), row));
  return byTask;
}

const startSpending = ({ budget, project, installation }: SpendingRow): TaskSpending => ({
  ...UNSPENT,
  limit: getTaskLimit(readOwnLimit(budget), readProjectLimits(project), readLimits(installation)),
});

const readOwnLimit = (text: string | null): SpendingLimit | null =>
  text === null ? null : spendingLimit.nullable().parse(JSON.parse(text));

function addAttempt({ models, limit, ...spent }: TaskSpending, row: SpendingRow): TaskSpending {
  if (row.metered === null) return { ...spent, models, limit };
  const attempt = {
    costMicros: row.costMicros ?? 0,
    tokens: row.tokens ?? 0,
    unpricedTokens: row.unpricedTokens ?? 0,
    unmeteredCalls: row.unmeteredCalls ?? 0,
  };
  const metered = meteredUsage.parse(JSON.parse(row.metered));
  const all = sumMetered({ ...NOTHING_METERED, models }, metered);
  return { ...addSpent(spent, attempt), models: all.models, limit };
}

/** The task's own limit, if it is reached. */
export async function findReachedTaskLimit(db: Database, taskId: TaskId): Promise<ReachedLimit | null> {
  const spending = (await getTaskSpending(db, [taskId])).get(taskId) ?? UNSPENT;
  return isReached(spending.limit, spending) ? { scope: "task", limit: spending.limit, spent: spending } : null;
}

/** The budget of a session that starts now: null without a limit, or the limit that is reached already. */
export async function getSessionBudget(
  db: Database,
  { taskId, ...scope }: BudgetScope & { readonly taskId: TaskId },
  now: Millis,
): Promise<{ readonly budget: SessionBudget | null; readonly reached: ReachedLimit | null }> {
  const [state, byTask] = await Promise.all([getDayState(db, scope, now), getTaskSpending(db, [taskId])]);
  const task = byTask.get(taskId) ?? UNSPENT;
  const until = getDayEnd(now);
  const limits = toSessionLimits([
    { scope: "task", limit: task.limit, spent: pick(task), until: null },
    { scope: "project_day", limit: state.project.day, spent: state.projectSpent, until },
    { scope: "installation_day", limit: state.installation.day, spent: state.installationSpent, until },
  ]);
  if (limits.length === 0) return { budget: null, reached: null };
  const reached = limits.find(({ limit, spent }) => isReached(limit, spent)) ?? null;
  const { prices } = await getPrices(db, scope.ownerId);
  return { budget: { limits, prices }, reached };
}

const pick = ({ costMicros, tokens }: TaskSpending) => ({ costMicros, tokens });
