/** Empties the objects of nodes that were destroyed long ago; their rows and history stay in D1. */
import type { Millis } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import { and, asc, eq, isNull, lt } from "drizzle-orm";
import { nodes } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** An object that still has effects to deliver is left to a later sweep. */
export async function sweepDestroyedNodes({ db, env, config }: Deps, now: Millis): Promise<PhaseOutcome> {
  const rows = await db
    .select({ id: nodes.id })
    .from(nodes)
    .where(
      and(
        eq(nodes.state, "destroyed"),
        isNull(nodes.objectDeletedAt),
        lt(nodes.destroyedAt, now - config.LATE_DELIVERY_GRACE_MS),
      ),
    )
    .orderBy(asc(nodes.destroyedAt))
    .limit(PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const { id } of rows) {
    try {
      if (!(await getNodeObject(env, id).forget())) continue;
      await db
        .update(nodes)
        .set({ objectDeletedAt: now })
        .where(and(eq(nodes.id, id), eq(nodes.state, "destroyed")));
      acted++;
    } catch (error) {
      faults.push(`${id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; ").slice(0, 2000));
  return { found: rows.length, acted };
}
