/** Wakes the objects of nodes whose alarm should have fired; they arm it again. Keeps N1. */
import type { Millis } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import { and, eq, lt, or } from "drizzle-orm";
import { nodes } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** An alarm may be this late before it counts as lost. */
const LATE_MS = 60_000;

export async function sweepStaleNodes({ db, env, config }: Deps, now: Millis): Promise<PhaseOutcome> {
  const stale = await db
    .select({ id: nodes.id, version: nodes.version })
    .from(nodes)
    .where(
      or(
        and(eq(nodes.state, "warm"), lt(nodes.warmUntil, now - LATE_MS)),
        and(eq(nodes.state, "provisioning"), lt(nodes.createdAt, now - config.NODE_BOOT_TIMEOUT_MS - LATE_MS)),
        and(eq(nodes.state, "active"), lt(nodes.maxLifetimeAt, now - LATE_MS)),
        eq(nodes.state, "destroying"),
      ),
    )
    .limit(PER_SWEEP);
  const faults: string[] = [];
  let acted = 0;
  for (const { id, version } of stale) {
    try {
      const node = getNodeObject(env, id);
      await node.ensureAlarm();
      acted++;
      // The row was written, but the node's object never started.
      if (version === 0 && (await node.view()) === null) {
        await db
          .update(nodes)
          .set({ state: "destroyed", destroyedAt: now })
          .where(and(eq(nodes.id, id), eq(nodes.version, 0)));
      }
    } catch (error) {
      faults.push(`${id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
  return { found: stale.length, acted };
}
