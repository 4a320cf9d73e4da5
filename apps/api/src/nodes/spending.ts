/** What a person's nodes have cost since a given time, including destroyed nodes. */
import type { Millis, UserId } from "@samovar/base";
import type { Spending } from "@samovar/contracts";
import { sumCost } from "@samovar/domain/spending";
import { and, eq, gte, isNull, or } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodes } from "../database/schema.ts";
import { toNodeView } from "./store.ts";

export async function spendingSince(db: Database, ownerId: UserId, since: Millis, now: Millis): Promise<Spending> {
  const rows = await db
    .select()
    .from(nodes)
    .where(and(eq(nodes.ownerId, ownerId), or(isNull(nodes.destroyedAt), gte(nodes.destroyedAt, since))));
  // Without a server there is no cost.
  const billed = rows.filter((row) => row.serverId !== null).map(toNodeView);
  return { since, spent: sumCost(billed, now, since), nodes: billed.length };
}
