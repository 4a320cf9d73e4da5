/**
 * Stores what a run has metered: its totals and the day's sums, in one transaction. Reports are cumulative, so
 * one that comes twice, late or out of order adds nothing, whichever answer of the database was lost.
 */
import type { Millis, TaskId, WorkspaceId } from "@samovar/base";
import { NOTHING_METERED } from "@samovar/contracts";
import type { MeteredUsage } from "@samovar/contracts";
import { toDay } from "@samovar/domain/budget";
import { addCost, countTokens, countUnpriced, mergeMetered, subtractMetered } from "@samovar/domain/metering";
import { and, eq, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { dailySpending, runSpending } from "../database/schema.ts";
import type { BudgetScope } from "./limits.ts";
import { getPrices } from "./prices.ts";

export interface MeteredRun extends BudgetScope {
  readonly workspaceId: WorkspaceId;
  readonly taskId: TaskId;
}

/** Attempts at a compare-and-set before it gives up. */
const MAX_TRIES = 8;

/** Returns whether the report had anything new; then two rows are written, and their keys for the first report of a run. */
export async function recordMetered(
  db: Database,
  run: MeteredRun,
  reported: MeteredUsage,
  now: Millis,
): Promise<boolean> {
  const { prices } = await getPrices(db, run.ownerId);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [row] = await db.select().from(runSpending).where(eq(runSpending.workspaceId, run.workspaceId));
    const before = row?.metered ?? NOTHING_METERED;
    const metered = mergeMetered(before, reported);
    const added = subtractMetered(metered, before);
    if (added.models.length === 0 && added.calls === 0 && added.unmeteredCalls === 0) return false;
    const cost = { micros: row?.costMicros ?? 0, millionths: row?.costMillionths ?? 0 };
    const after = addCost(cost, added.models, prices);
    const amounts = {
      costMicros: after.micros - cost.micros,
      tokens: countTokens(added.models),
      unpricedTokens: countUnpriced(added.models, prices),
      unmeteredCalls: added.unmeteredCalls,
    };
    if (await write(db, run, { metered, millionths: after.millionths, amounts, version: row?.version ?? 0 }, now))
      return true;
  }
  throw new Error(`the spending of ${run.workspaceId} changed concurrently ${MAX_TRIES} times`);
}

interface Change {
  readonly metered: MeteredUsage;
  readonly millionths: number;
  readonly amounts: Readonly<Record<"costMicros" | "tokens" | "unpricedTokens" | "unmeteredCalls", number>>;
  /** The version that the row had when the change was computed. */
  readonly version: number;
}

/** Returns false, with nothing written, if the row has another version by now. */
async function write(
  db: Database,
  { workspaceId, taskId, ownerId, projectId }: MeteredRun,
  { metered, millionths, amounts, version }: Change,
  now: Millis,
): Promise<boolean> {
  const { costMicros, tokens, unpricedTokens, unmeteredCalls } = amounts;
  const unchanged = and(eq(runSpending.workspaceId, workspaceId), eq(runSpending.version, version));
  const [, , updated] = await db.batch([
    db
      .insert(runSpending)
      .values({ workspaceId, taskId, metered: NOTHING_METERED, updatedAt: now })
      .onConflictDoNothing(),
    db
      .insert(dailySpending)
      .select(
        sql`SELECT ${ownerId}, ${toDay(now)}, ${projectId}, ${costMicros}, ${tokens}, ${unpricedTokens}, ${unmeteredCalls}
          WHERE EXISTS (SELECT 1 FROM run_spending WHERE workspace_id = ${workspaceId} AND version = ${version})`,
      )
      .onConflictDoUpdate({
        target: [dailySpending.ownerId, dailySpending.day, dailySpending.projectId],
        set: {
          costMicros: sql`cost_micros + excluded.cost_micros`,
          tokens: sql`tokens + excluded.tokens`,
          unpricedTokens: sql`unpriced_tokens + excluded.unpriced_tokens`,
          unmeteredCalls: sql`unmetered_calls + excluded.unmetered_calls`,
        },
      }),
    db
      .update(runSpending)
      .set({
        metered,
        costMicros: sql`cost_micros + ${costMicros}`,
        costMillionths: millionths,
        tokens: sql`tokens + ${tokens}`,
        unpricedTokens: sql`unpriced_tokens + ${unpricedTokens}`,
        unmeteredCalls: sql`unmetered_calls + ${unmeteredCalls}`,
        version: version + 1,
        updatedAt: now,
      })
      .where(unchanged)
      .returning({ version: runSpending.version }),
  ]);
  return updated.length > 0;
}
