/**
 * Stores what a session has metered: the attempt's totals and the day's sums, in one transaction. Reports are cumulative, so
 * one that comes twice, late or out of order adds nothing, whichever answer of the database was lost.
 */
import type { Millis, SessionId, TaskId } from "@samovar/base";
import { NOTHING_METERED } from "@samovar/contracts";
import type { MeteredUsage } from "@samovar/contracts";
import { toDay } from "@samovar/domain/budget";
import { addCost, countTokens, countUnpriced, mergeMetered, subtractMetered } from "@samovar/domain/metering";
import { and, eq, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { dailySpending, sessionSpending } from "../database/schema.ts";
import type { BudgetScope } from "./limits.ts";
import { getPrices } from "./prices.ts";

export interface MeteredSession extends BudgetScope {
  readonly sessionId: SessionId;
  readonly taskId: TaskId;
}

/** Attempts at a compare-and-set before it gives up. */
const MAX_TRIES = 8;

/** Returns whether the report had anything new; then two rows are written, and their keys for the first report of a session. */
export async function recordMetered(
  db: Database,
  session: MeteredSession,
  reported: MeteredUsage,
  now: Millis,
): Promise<boolean> {
  const { prices } = await getPrices(db, session.ownerId);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [row] = await db.select().from(sessionSpending).where(eq(sessionSpending.sessionId, session.sessionId));
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
    if (await write(db, session, { metered, millionths: after.millionths, amounts, version: row?.version ?? 0 }, now))
      return true;
  }
  throw new Error(`the spending of ${session.sessionId} changed concurrently ${MAX_TRIES} times`);
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
  { sessionId, taskId, ownerId, projectId }: MeteredSession,
  { metered, millionths, amounts, version }: Change,
  now: Millis,
): Promise<boolean> {
  const { costMicros, tokens, unpricedTokens, unmeteredCalls } = amounts;
  const unchanged = and(eq(sessionSpending.sessionId, sessionId), eq(sessionSpending.version, version));
  const [, , updated] = await db.batch([
    db
      .insert(sessionSpending)
      .values({ sessionId, taskId, metered: NOTHING_METERED, updatedAt: now })
      .onConflictDoNothing(),
    db
      .insert(dailySpending)
      .select(
        sql`SELECT ${ownerId}, ${toDay(now)}, ${projectId}, ${costMicros}, ${tokens}, ${unpricedTokens}, ${unmeteredCalls}
          WHERE EXISTS (SELECT 1 FROM session_spending WHERE session_id = ${sessionId} AND version = ${version})`,
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
      .update(sessionSpending)
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
      .returning({ version: sessionSpending.version }),
  ]);
  return updated.length > 0;
}
