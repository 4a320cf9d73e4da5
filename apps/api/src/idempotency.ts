/** Idempotency-Key: what a caller asked for under a key is made once; asked again, they are given what was made then. */
import type { UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { SamovarError } from "@samovar/contracts";
import { and, eq } from "drizzle-orm";
import type { Database } from "./database/index.ts";
import { idempotencyKeys } from "./database/schema.ts";

/** The caller's key, and what they asked for under it. */
export interface Intent {
  readonly key: string;
  readonly requestHash: string;
}

/** After this a key is forgotten, and means something new. */
export const KEY_LIFE_MS = 7 * 24 * 3_600_000;

/** Null without a key. `request`: everything that makes the request what it is. */
export async function intentOf(key: string | null, ...request: readonly unknown[]): Promise<Intent | null> {
  return key === null ? null : { key, requestHash: sha256(JSON.stringify(request)) };
}

/** The id of what was made under the key; null when nothing was. Throws `conflict` when the key was used for another request. */
export async function madeBefore(db: Database, ownerId: UserId, intent: Intent): Promise<string | null> {
  const [row] = await db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.ownerId, ownerId), eq(idempotencyKeys.key, intent.key)));
  if (row === undefined) return null;
  if (row.requestHash !== intent.requestHash) {
    throw new SamovarError("conflict", "This Idempotency-Key was used for another request. Send a new key.");
  }
  return row.resourceId;
}

export type KeyRow = typeof idempotencyKeys.$inferInsert;

/** To be written in one transaction with what is made. */
export const keyRow = (ownerId: UserId, intent: Intent, resourceId: string, createdAt: number): KeyRow => ({
  ...intent,
  ownerId,
  resourceId,
  createdAt,
});
