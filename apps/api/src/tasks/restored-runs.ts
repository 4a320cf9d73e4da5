/**
 * Ends the runs that were in flight when the backup was made from which this installation was restored. Their nodes are not here,
 * and the original may have gone on with them, so nothing is run a second time without a person's decision. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, asc, inArray, lt } from "drizzle-orm";
import { tasks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { readRunStatus } from "./launch.ts";
import { giveUp } from "./orphans.ts";
import type { RepairResult } from "./orphans.ts";
import { toTaskRecord } from "./store.ts";

const RUNS_PER_SWEEP = 200;

export const RESTORED: Failure = {
  code: "restored",
  message:
    "This task was in flight when the backup was made from which this Samovar was restored. The messages up to then are stored; retry the task if its work is still needed.",
};

/** Throws, after trying all of them, if a run could not be ended. */
export async function endRestoredRuns(deps: Deps, restoredAt: Millis): Promise<RepairResult> {
  const rows = await deps.db
    .select()
    .from(tasks)
    .where(and(inArray(tasks.status, ["queued", "delegated", "in_progress"]), lt(tasks.updatedAt, restoredAt)))
    .orderBy(asc(tasks.updatedAt))
    .limit(RUNS_PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const row of rows) {
    try {
      if (await endRun(deps, toTaskRecord(row))) acted++;
    } catch (error) {
      faults.push(`${row.id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(`some runs could not be ended: ${faults.join("; ").slice(0, 1000)}`);
  return { found: rows.length, acted };
}

/** The workflow first: a run that goes on would take another node. */
async function endRun(deps: Deps, task: TaskRecord): Promise<boolean> {
  const { runId } = task;
  const status = runId === null ? null : await readRunStatus(deps.env, runId);
  const isOver = status === null || status === "complete" || status === "errored" || status === "terminated";
  if (runId !== null && !isOver) await (await deps.env.TASK_RUN.get(runId)).terminate();
  return giveUp(deps, task, RESTORED);
}
