/** Destroys retained workspaces after their retention period, and releases those whose node never confirmed the removal. Keeps N1. */
import type { Millis } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { Deps } from "../deps.ts";
import { destroyWorkspace, abandonWorkspace } from "../workspaces/destroy.ts";
import { listOverdue } from "../workspaces/store.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepRetainedWorkspaces(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  // After this time without a confirmation the node counts as silent, and the slot is given back.
  const requestedBefore = now - deps.config.NODE_UNREACHABLE_TIMEOUT_MS;
  const overdue = await listOverdue(deps.db, { retainedUntil: now, requestedBefore }, PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const row of overdue) {
    try {
      if (row.state === "destroying") await abandonWorkspace(deps, row);
      else await destroyWorkspace(deps, row, "expired");
      acted++;
    } catch (error) {
      faults.push(`${row.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
  return { found: overdue.length, acted };
}
