/** When each phase ran last, and when it last succeeded: silence can be noticed. */
import type { Millis } from "@samovar/base";
import type { Database } from "../database/index.ts";
import { sweepRuns } from "../database/schema.ts";

export async function recordStart(db: Database, phase: string, startedAt: Millis): Promise<void> {
  const begun = { startedAt, endedAt: null, ok: null, found: 0, acted: 0, error: null };
  await db
    .insert(sweepRuns)
    .values({ phase, ...begun })
    .onConflictDoUpdate({ target: sweepRuns.phase, set: begun });
}

export async function recordEnd(
  db: Database,
  phase: string,
  startedAt: Millis,
  endedAt: Millis,
  end: { readonly found: number; readonly acted: number; readonly error: string | null },
): Promise<void> {
  const ended = {
    startedAt,
    endedAt,
    ok: end.error === null,
    ...end,
    ...(end.error === null ? { lastSuccessAt: endedAt } : {}),
  };
  await db
    .insert(sweepRuns)
    .values({ phase, ...ended })
    .onConflictDoUpdate({ target: sweepRuns.phase, set: ended });
}
