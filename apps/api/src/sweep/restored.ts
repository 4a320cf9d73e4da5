/**
 * After a restore from a backup: ends what was in flight there, and takes leave of the nodes. Their servers are deleted only if
 * they carry this installation's label, which a restored copy has of its own. Keeps T1, N1.
 */
import { errorMessage } from "@samovar/base";
import { and, lt, notInArray } from "drizzle-orm";
import { nodes } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { endRestoredRuns } from "../tasks/restored-runs.ts";
import type { PhaseOutcome } from "./phase.ts";

/** More than in other phases: the platform's limit of queries is Cloudflare's, where nothing is restored from a backup. */
const NODES_PER_SWEEP = 200;
const REASON = "This Samovar was restored from a backup, and does not use the nodes from before.";

export async function sweepRestored(deps: Deps): Promise<PhaseOutcome> {
  const restoredAt = deps.config.RESTORED_AT;
  if (restoredAt === undefined) return { found: 0, acted: 0 };
  // Runs first: one that notices the loss of its node before it is ended would take another.
  const runs = await endRestoredRuns(deps, restoredAt);
  const rows = await deps.db
    .select({ id: nodes.id })
    .from(nodes)
    .where(and(notInArray(nodes.state, ["destroying", "destroyed"]), lt(nodes.createdAt, restoredAt)))
    .limit(NODES_PER_SWEEP);
  const faults: string[] = [];
  for (const { id } of rows) {
    try {
      await getNodeObject(deps.env, id).destroy(REASON);
    } catch (error) {
      faults.push(`${id}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; ").slice(0, 1000));
  return { found: runs.found + rows.length, acted: runs.acted + rows.length };
}
