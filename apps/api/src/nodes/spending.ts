/** What a person's machines cost since a moment, those that are gone with them. */
import type { Millis, UserId } from "@samovar/base";
import type { Spending } from "@samovar/contracts";
import { sumCost } from "@samovar/domain/spending";
import { and, eq, gte, isNull, or } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodes } from "../database/schema.ts";
import { nodeView } from "./store.ts";

export async function spendingSince(db: Database, ownerId: UserId, since: Millis, now: Millis): Promise<Spending> {
  const rows = await db
    .select()
    .from(nodes)
    .where(and(eq(nodes.ownerId, ownerId), or(isNull(nodes.destroyedAt), gte(nodes.destroyedAt, since))));
  // Without a server there was nothing to pay.
  const machines = rows.filter((row) => row.serverId !== null).map(nodeView);
  return { since, spent: sumCost(machines, now, since), machines: machines.length };
}
