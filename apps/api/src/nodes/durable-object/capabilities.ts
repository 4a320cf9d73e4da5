/**
 * A pending effect of the node's object: the capabilities that an agent reported, stored until D1 has them. The newest
 * report for an agent wins, whichever node it comes from.
 */
import type { Logger } from "@samovar/base";
import { and, eq, isNotNull, lte, sql } from "drizzle-orm";
import { database } from "../../database/index.ts";
import { agentCapabilities, workspaces } from "../../database/schema.ts";
import type { Env } from "../../env.ts";
import type { NodeStorage, PendingCapabilities } from "./storage.ts";

export interface CapabilitiesDeps {
  readonly env: Env;
  readonly storage: NodeStorage;
  readonly logger: Logger;
}

/** After this many attempts (about half a day) it gives up; the agent's next session reports again. */
const MAX_ATTEMPTS = 720;

/** Returns whether nothing is pending any more. */
export async function flushCapabilities({ env, storage, logger }: CapabilitiesDeps): Promise<boolean> {
  for (const pending of storage.pendingCapabilities()) {
    try {
      await write(env, pending);
      storage.removeCapabilities(pending);
    } catch (error) {
      const hasGivenUp = pending.attempts >= MAX_ATTEMPTS;
      logger.warn("capabilities.write_failed", { workspaceId: pending.workspaceId, hasGivenUp, error });
      if (hasGivenUp) storage.removeCapabilities(pending);
      else storage.countCapabilitiesAttempt(pending);
    }
  }
  return storage.pendingCapabilities().length === 0;
}

/** The workspace's row has the owner and the agent; without such a row there is nothing to write. */
async function write(env: Env, { workspaceId, capabilities, reportedAt }: PendingCapabilities): Promise<void> {
  const db = database(env);
  const [row] = await db
    .select({ ownerId: workspaces.ownerId, kind: workspaces.agent })
    .from(workspaces)
    .where(and(eq(workspaces.id, workspaceId), isNotNull(workspaces.agent)));
  if (row === undefined || row.kind === null) return;
  await db
    .insert(agentCapabilities)
    .values({ ownerId: row.ownerId, kind: row.kind, capabilities, reportedAt })
    .onConflictDoUpdate({
      target: [agentCapabilities.ownerId, agentCapabilities.kind],
      set: { capabilities: sql`excluded.capabilities`, reportedAt: sql`excluded.reported_at` },
      setWhere: lte(agentCapabilities.reportedAt, reportedAt),
    });
}
