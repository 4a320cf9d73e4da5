/** Deletes entries of the audit log that are older than its retention. */
import type { Millis } from "@samovar/base";
import { deleteOldEntries } from "../audit/store.ts";
import type { Deps } from "../deps.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepOldAuditEntries(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  const deleted = await deleteOldEntries(deps, now);
  return { found: deleted, acted: deleted };
}
