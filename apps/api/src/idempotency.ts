/** Idempotency-Key: a request under a key takes effect once; repeating it returns what the first one created. */
import type { UserId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { SamovarError } from "@samovar/contracts";
import { and, eq } from "drizzle-orm";
import type { Database } from "./database/index.ts";
import { idempotencyKeys } from "./database/schema.ts";

/** The caller's key, and a hash of their request. */
export interface Intent {
  readonly key: string;
  readonly requestHash: string;
}

/** After this time a key is forgotten and may be used anew. */
export const KEY_TTL_MS = 7 * 24 * 3_600_000;

/** Null without a key. `request`: everything that identifies the request. */
export async function toIntent(key: string | null, ...request: readonly unknown[]): Promise<Intent | null> {
  return key === null ? null : { key, requestHash: sha256(JSON.stringify(request)) };
}

/** The id of what was created under the key, or null. Throws `conflict` if the key was used for another request. */
export async function findCreated(db: Database, ownerId: UserId, intent: Intent): Promise<string | null> {
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

/** The row to write in one transaction with what is created. */
export const toKeyRow = (ownerId: UserId, intent: Intent, resourceId: string, createdAt: number): KeyRow => ({
  ...intent,
  ownerId,
  resourceId,
  createdAt,
});
