/**
 * Runs that are over: their workflows are deleted a while later. What a run did stands in its task's events; a workflow that
 * is kept costs disk, and on one machine also memory and open files, for each run that there ever was.
 */
import { errorMessage } from "@samovar/base";
import type { Millis, RunId } from "@samovar/base";
import { asc, inArray, lt } from "drizzle-orm";
import { finishedRuns } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

type Needs = Pick<Deps, "db" | "env">;

/** By then a workflow that has done its last step is over. */
const REST_MS = 30_000;

/** Repeatable. */
export async function noteFinished({ db }: Needs, runId: RunId, now: Millis): Promise<void> {
  await db.insert(finishedRuns).values({ runId, finishedAt: now }).onConflictDoNothing();
}

/**
 * The oldest first. Who takes an id off the list deletes its workflow: a second one that asked for it would bring it back to
 * life. Throws, after it has tried them all, when one could not be deleted; that one is on the list again.
 */
export async function forgetFinishedRuns(
  { db, env }: Needs,
  now: Millis,
  limit: number,
): Promise<{ readonly found: number; readonly acted: number }> {
  const due = db
    .select({ runId: finishedRuns.runId })
    .from(finishedRuns)
    .where(lt(finishedRuns.finishedAt, now - REST_MS))
    .orderBy(asc(finishedRuns.finishedAt))
    .limit(limit);
  const taken = await db.delete(finishedRuns).where(inArray(finishedRuns.runId, due)).returning();
  const faults: string[] = [];
  for (const { runId } of taken) {
    try {
      await deleteWorkflow(env, runId);
    } catch (error) {
      faults.push(`${runId}: ${errorMessage(error)}`);
      await noteFinished({ db, env }, runId, now);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; ").slice(0, 1000));
  return { found: taken.length, acted: taken.length };
}

async function deleteWorkflow(env: Deps["env"], runId: RunId): Promise<void> {
  try {
    await (await env.TASK_RUN.get(runId)).delete();
  } catch (error) {
    // The platform has no code for it, only this text.
    if (!/not[_. ]found|does not exist/i.test(errorMessage(error))) throw error;
  }
}
