/** What an installation or a project has spent today and this month, by UTC days. */
import type { Millis, ProjectId, UserId } from "@samovar/base";
import { NOTHING_SPENT } from "@samovar/contracts";
import type { BudgetView, ProjectBudgetView, SpentAmount } from "@samovar/contracts";
import { toDay } from "@samovar/domain/budget";
import { addSpent } from "@samovar/domain/metering";
import { and, eq, gte, lte, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { dailySpending, projects } from "../database/schema.ts";
import { getDayState } from "./limits.ts";
import type { BudgetScope } from "./limits.ts";

interface MonthRow extends SpentAmount {
  readonly projectId: ProjectId;
  readonly name: string;
  readonly isToday: number;
}

/** At most two rows for each project: today, and the month before it. */
async function listMonth(db: Database, ownerId: UserId, now: Millis): Promise<readonly MonthRow[]> {
  const today = toDay(now);
  const isToday = sql<number>`${dailySpending.day} = ${today}`;
  return db
    .select({
      projectId: dailySpending.projectId,
      name: projects.name,
      isToday,
      costMicros: sql<number>`sum(${dailySpending.costMicros})`,
      tokens: sql<number>`sum(${dailySpending.tokens})`,
      unpricedTokens: sql<number>`sum(${dailySpending.unpricedTokens})`,
      unmeteredCalls: sql<number>`sum(${dailySpending.unmeteredCalls})`,
    })
    .from(dailySpending)
    .innerJoin(projects, eq(projects.id, dailySpending.projectId))
    .where(
      and(
        eq(dailySpending.ownerId, ownerId),
        gte(dailySpending.day, `${today.slice(0, 7)}-01`),
        lte(dailySpending.day, today),
      ),
    )
    .groupBy(dailySpending.projectId, isToday);
}

const sum = (rows: readonly MonthRow[]): SpentAmount =>
  rows.reduce<SpentAmount>((total, row) => addSpent(total, row), NOTHING_SPENT);

const split = (rows: readonly MonthRow[]) => ({
  today: sum(rows.filter(({ isToday }) => isToday === 1)),
  month: sum(rows),
});

export async function viewBudget(
  db: Database,
  ownerId: UserId,
  limits: BudgetView["limits"],
  now: Millis,
): Promise<BudgetView> {
  const rows = await listMonth(db, ownerId, now);
  const names = new Map(rows.map(({ projectId, name }) => [projectId, name]));
  const byProject = [...names].map(([projectId, name]) => ({
    projectId,
    name,
    ...split(rows.filter((row) => row.projectId === projectId)),
  }));
  return {
    limits,
    day: toDay(now),
    ...split(rows),
    projects: byProject.toSorted((a, b) => b.month.costMicros - a.month.costMicros || b.month.tokens - a.month.tokens),
  };
}

export async function viewProjectBudget(db: Database, scope: BudgetScope, now: Millis): Promise<ProjectBudgetView> {
  const [rows, state] = await Promise.all([listMonth(db, scope.ownerId, now), getDayState(db, scope, now)]);
  return {
    limits: state.project,
    installation: state.installation,
    day: toDay(now),
    ...split(rows.filter(({ projectId }) => projectId === scope.projectId)),
    installationToday: split(rows).today,
  };
}
