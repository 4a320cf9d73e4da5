/** Deletes old entries of the pool's history, which covers the last days only. */
import type { Millis } from "@samovar/base";
import type { Deps } from "../deps.ts";
import { deleteOldChanges } from "../nodes/history.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepOldHistory({ db }: Pick<Deps, "db">, now: Millis): Promise<PhaseOutcome> {
  const deleted = await deleteOldChanges(db, now);
  return { found: deleted, acted: deleted };
}
