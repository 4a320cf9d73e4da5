/** The limits on spending of an installation and of its projects, and whether today's are reached. */
import type { Millis, ProjectId, UserId } from "@samovar/base";
import { budgetLimits, NO_LIMIT, projectBudgetLimits } from "@samovar/contracts";
import type { BudgetLimits, ProjectBudgetLimits, SpendingLimit } from "@samovar/contracts";
import { isReached, toDay } from "@samovar/domain/budget";
import type { ReachedLimit } from "@samovar/domain/budget";
import { sql } from "drizzle-orm";
import { recordAction } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { budgets } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

/** Whose limits a task has to keep besides its own. */
export interface BudgetScope {
  readonly ownerId: UserId;
  readonly projectId: ProjectId;
}

export const UNLIMITED: BudgetLimits = { task: NO_LIMIT, day: NO_LIMIT };
export const INHERITED: ProjectBudgetLimits = { task: null, day: NO_LIMIT };

/** From the text of a row; without one, nothing is limited. */
export const readLimits = (text: string | null): BudgetLimits =>
  text === null ? UNLIMITED : budgetLimits.parse(JSON.parse(text));
export const readProjectLimits = (text: string | null): ProjectBudgetLimits =>
  text === null ? INHERITED : projectBudgetLimits.parse(JSON.parse(text));

interface DayRow {
  readonly installation: string | null;
  readonly project: string | null;
  readonly ownerCost: number;
  readonly ownerTokens: number;
  readonly projectCost: number;
  readonly projectTokens: number;
}

/** The limits of a scope, and what counts towards those of the day. */
export interface DayState {
  readonly installation: BudgetLimits;
  readonly project: ProjectBudgetLimits;
  readonly installationSpent: { readonly costMicros: number; readonly tokens: number };
  readonly projectSpent: { readonly costMicros: number; readonly tokens: number };
}

/** One statement, because runs ask for it with each poll. */
export async function getDayState(db: Database, { ownerId, projectId }: BudgetScope, now: Millis): Promise<DayState> {
  const [row] = await db.all<DayRow>(sql`
    SELECT (SELECT limits FROM budgets WHERE scope_id = ${ownerId}) AS installation,
      (SELECT limits FROM budgets WHERE scope_id = ${projectId}) AS project,
      coalesce(sum(cost_micros), 0) AS ownerCost, coalesce(sum(tokens), 0) AS ownerTokens,
      coalesce(sum(CASE WHEN project_id = ${projectId} THEN cost_micros END), 0) AS projectCost,
      coalesce(sum(CASE WHEN project_id = ${projectId} THEN tokens END), 0) AS projectTokens
    FROM daily_spending WHERE owner_id = ${ownerId} AND day = ${toDay(now)}`);
  if (row === undefined) throw new Error("an aggregate without a row");
  return {
    installation: readLimits(row.installation),
    project: readProjectLimits(row.project),
    installationSpent: { costMicros: row.ownerCost, tokens: row.ownerTokens },
    projectSpent: { costMicros: row.projectCost, tokens: row.projectTokens },
  };
}

/** Today's limit that is reached, the project's first; null when none is. */
export async function findReachedDayLimit(db: Database, scope: BudgetScope, now: Millis): Promise<ReachedLimit | null> {
  return toReachedDayLimit(await getDayState(db, scope, now));
}

export function toReachedDayLimit(state: DayState): ReachedLimit | null {
  const day = [
    { scope: "project_day", limit: state.project.day, spent: state.projectSpent },
    { scope: "installation_day", limit: state.installation.day, spent: state.installationSpent },
  ] as const;
  return day.find(({ limit, spent }) => isReached(limit, spent)) ?? null;
}

/** `scopeId`: the owner's id, or that of one of their projects. */
export async function putLimits(
  deps: Deps,
  actor: AuditActor,
  scopeId: UserId | ProjectId,
  limits: BudgetLimits | ProjectBudgetLimits,
): Promise<void> {
  const { db, clock } = deps;
  const row = { limits, updatedAt: clock.now() };
  await db.batch([
    db
      .insert(budgets)
      .values({ scopeId, ownerId: actor.ownerId, ...row })
      .onConflictDoUpdate({ target: budgets.scopeId, set: row }),
    recordAction(deps, actor, {
      action: "budget.changed",
      objectId: scopeId,
      detail: { task: describe(limits.task), day: describe(limits.day) },
    }),
  ]);
}

function describe(limit: SpendingLimit | null): string {
  if (limit === null) return "inherited";
  const parts = [
    limit.costMicros === null ? null : `${limit.costMicros} micro-dollars`,
    limit.tokens === null ? null : `${limit.tokens} tokens`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? "none" : parts.join(", ");
}
