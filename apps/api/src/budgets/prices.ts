/** The price table of an installation: Samovar's own until its owner changes it. */
import type { UserId } from "@samovar/base";
import { modelPrices as pricesSchema } from "@samovar/contracts";
import type { PriceTable, PutPrices } from "@samovar/contracts";
import { DEFAULT_PRICES } from "@samovar/domain/model-prices";
import { eq } from "drizzle-orm";
import { recordAction } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { modelPrices } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

export async function getPrices(db: Database, ownerId: UserId): Promise<PriceTable> {
  const [row] = await db.select().from(modelPrices).where(eq(modelPrices.ownerId, ownerId));
  if (row === undefined) return DEFAULT_PRICES;
  return { prices: pricesSchema.parse(row.prices), asOf: row.asOf, changedAt: row.changedAt };
}

/** Counts from now on; what was spent keeps its cost. */
export async function putPrices(deps: Deps, actor: AuditActor, { prices, asOf }: PutPrices): Promise<void> {
  const { db, clock } = deps;
  const row = { prices, asOf, changedAt: clock.now() };
  await db.batch([
    db
      .insert(modelPrices)
      .values({ ownerId: actor.ownerId, ...row })
      .onConflictDoUpdate({ target: modelPrices.ownerId, set: row }),
    recordAction(deps, actor, {
      action: "prices.changed",
      objectId: actor.ownerId,
      detail: { prices: prices.length, asOf },
    }),
  ]);
}

/** Back to Samovar's own table. */
export async function resetPrices(deps: Deps, actor: AuditActor): Promise<void> {
  await deps.db.batch([
    deps.db.delete(modelPrices).where(eq(modelPrices.ownerId, actor.ownerId)),
    recordAction(deps, actor, { action: "prices.changed", objectId: actor.ownerId, detail: { reset: true } }),
  ]);
}
