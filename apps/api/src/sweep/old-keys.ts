/** Deletes idempotency keys that are older than their TTL. */
import type { Millis } from "@samovar/base";
import { lt } from "drizzle-orm";
import { idempotencyKeys } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { KEY_TTL_MS } from "../idempotency.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepOldKeys({ db }: Pick<Deps, "db">, now: Millis): Promise<PhaseOutcome> {
  const deleted = await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, now - KEY_TTL_MS))
    .returning({ key: idempotencyKeys.key });
  return { found: deleted.length, acted: deleted.length };
}
