/**
 * Finished runs, whose workflows are deleted a while later. A task's events record what its run did; an instance that is
 * not deleted costs disk, and on one computer also memory and open files.
 */
import { errorMessage } from "@samovar/base";
import type { Millis, RunId } from "@samovar/base";
import { asc, inArray, lt } from "drizzle-orm";
import { finishedRuns } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

type FinishedRunDeps = Pick<Deps, "db" | "env">;

/** Long enough for a workflow to finish after its last step. */
const SETTLE_MS = 30_000;

/** Repeatable. */
export async function recordFinishedRun({ db }: FinishedRunDeps, runId: RunId, now: Millis): Promise<void> {
  await db.insert(finishedRuns).values({ runId, finishedAt: now }).onConflictDoNothing();
}

/**
 * Deletes the oldest first. Whoever removes an id from the list deletes its workflow: a second request for it would revive
 * the instance. Throws, after trying all of them, if one could not be deleted; that one goes back on the list.
 */
export async function deleteFinishedRuns(
  { db, env }: FinishedRunDeps,
  now: Millis,
  limit: number,
): Promise<{ readonly found: number; readonly acted: number }> {
  const due = db
    .select({ runId: finishedRuns.runId })
    .from(finishedRuns)
    .where(lt(finishedRuns.finishedAt, now - SETTLE_MS))
    .orderBy(asc(finishedRuns.finishedAt))
    .limit(limit);
  const taken = await db.delete(finishedRuns).where(inArray(finishedRuns.runId, due)).returning();
  const faults: string[] = [];
  for (const { runId } of taken) {
    try {
      await deleteWorkflow(env, runId);
    } catch (error) {
      faults.push(`${runId}: ${errorMessage(error)}`);
      await recordFinishedRun({ db, env }, runId, now);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; ").slice(0, 1000));
  return { found: taken.length, acted: taken.length };
}

async function deleteWorkflow(env: Deps["env"], runId: RunId): Promise<void> {
  try {
    await (await env.TASK_RUN.get(runId)).delete();
  } catch (error) {
    // The platform has no error code for this, only the text.
    if (!/not[_. ]found|does not exist/i.test(errorMessage(error))) throw error;
  }
}
