/**
 * Removes workspaces whose task has ended but whose run did not clean them up, and gives their slots back. Keeps N1:
 * otherwise they would keep a node alive for its maximum lifetime.
 */
import type { Millis } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import { TERMINAL_STATUSES } from "@samovar/contracts";
import { and, asc, eq, inArray, lt } from "drizzle-orm";
import { tasks, workspaces } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { destroyWorkspace } from "../workspaces/destroy.ts";
import { setWorkspaceState } from "../workspaces/store.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** The end of a run may take this long. */
const SETTLED_MS = 30 * 60_000;

export async function sweepAbandonedWorkspaces(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  const rows = await deps.db
    .select({ workspace: workspaces })
    .from(workspaces)
    .innerJoin(tasks, eq(tasks.id, workspaces.taskId))
    .where(
      and(
        inArray(workspaces.state, ["creating", "ready", "busy"]),
        inArray(tasks.status, [...TERMINAL_STATUSES]),
        lt(tasks.updatedAt, now - SETTLED_MS),
        lt(workspaces.updatedAt, now - SETTLED_MS),
      ),
    )
    .orderBy(asc(workspaces.updatedAt))
    .limit(PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const { workspace } of rows) {
    try {
      await setWorkspaceState(deps.env, workspace.id, "failed", {}, now);
      await destroyWorkspace(deps, { ...workspace, state: "failed" }, "requested");
      acted++;
    } catch (error) {
      faults.push(`${workspace.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; ").slice(0, 2000));
  return { found: rows.length, acted };
}
