/** The pool's history is a picture of the last days, not an archive. */
import type { Millis } from "@samovar/base";
import type { Deps } from "../deps.ts";
import { forgetOldChanges } from "../nodes/history.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepOldHistory({ db }: Pick<Deps, "db">, now: Millis): Promise<PhaseOutcome> {
  const gone = await forgetOldChanges(db, now);
  return { found: gone, acted: gone };
}
