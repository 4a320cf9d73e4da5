/**
 * What agents let their owner choose from, on its way to D1: a debt like the others, in storage from the event that
 * told it until the row is written. The newest word on an agent counts, whichever node it comes from.
 */
import type { Logger } from "@samovar/base";
import { and, eq, isNotNull, lte, sql } from "drizzle-orm";
import { database } from "../../database/index.ts";
import { agentCapabilities, workspaces } from "../../database/schema.ts";
import type { Env } from "../../env.ts";
import type { NodeStorage, OwedOffers } from "./storage.ts";

export interface OffersDeps {
  readonly env: Env;
  readonly storage: NodeStorage;
  readonly logger: Logger;
}

/** What cannot be written for so many tries (about half a day) is told again by the agent's next session. */
const MAX_ATTEMPTS = 720;

/** Whether nothing is owed any more. */
export async function payOffers({ env, storage, logger }: OffersDeps): Promise<boolean> {
  for (const owed of storage.owedOffers()) {
    try {
      await write(env, owed);
      storage.offersPaid(owed);
    } catch (error) {
      const isHopeless = owed.attempts >= MAX_ATTEMPTS;
      logger.warn("offers.failed", { workspaceId: owed.workspaceId, isHopeless, error });
      if (isHopeless) storage.offersPaid(owed);
      else storage.offersFailed(owed);
    }
  }
  return storage.owedOffers().length === 0;
}

/** Whose they are, and which agent's, the workspace's row knows; one that is unknown there has no owner to tell. */
async function write(env: Env, { workspaceId, capabilities, toldAt }: OwedOffers): Promise<void> {
  const db = database(env);
  const [row] = await db
    .select({ ownerId: workspaces.ownerId, kind: workspaces.agent })
    .from(workspaces)
    .where(and(eq(workspaces.id, workspaceId), isNotNull(workspaces.agent)));
  if (row === undefined || row.kind === null) return;
  await db
    .insert(agentCapabilities)
    .values({ ownerId: row.ownerId, kind: row.kind, capabilities, toldAt })
    .onConflictDoUpdate({
      target: [agentCapabilities.ownerId, agentCapabilities.kind],
      set: { capabilities: sql`excluded.capabilities`, toldAt: sql`excluded.told_at` },
      setWhere: lte(agentCapabilities.toldAt, toldAt),
    });
}
