/** Records when each phase last ran and last succeeded, so that a stopped sweep is noticed; one row per phase, at its end. */
import type { Millis } from "@samovar/base";
import type { Database } from "../database/index.ts";
import { sweepRuns } from "../database/schema.ts";

export async function recordPhase(
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
