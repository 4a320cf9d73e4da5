/** Kept workspaces whose time is up are destroyed; those whose end was asked for and not heard of are asked again. Keeps N1. */
import type { Millis } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { Deps } from "../deps.ts";
import { destroyWorkspace, giveUpWorkspace } from "../workspaces/destroy.ts";
import { listOverdue } from "../workspaces/store.ts";
import type { PhaseOutcome } from "./phase.ts";

const PER_SWEEP = 200;

export async function sweepKeptWorkspaces(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  // A node that has not said "destroyed" in that time is silent; its slot must not wait for it for ever.
  const askedBefore = now - deps.config.NODE_UNREACHABLE_TIMEOUT_MS;
  const overdue = await listOverdue(deps.db, { keptUntil: now, askedBefore }, PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const row of overdue) {
    try {
      if (row.state === "destroying") await giveUpWorkspace(deps, row);
      else await destroyWorkspace(deps, row, "expired");
      acted++;
    } catch (error) {
      faults.push(`${row.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
  return { found: overdue.length, acted };
}
