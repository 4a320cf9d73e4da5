/** Idempotency keys are for a caller who lost an answer, not for ever. */
import type { Millis } from "@samovar/base";
import { lt } from "drizzle-orm";
import { idempotencyKeys } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { KEY_LIFE_MS } from "../idempotency.ts";
import type { PhaseOutcome } from "./phase.ts";

export async function sweepOldKeys({ db }: Pick<Deps, "db">, now: Millis): Promise<PhaseOutcome> {
  const gone = await db
    .delete(idempotencyKeys)
    .where(lt(idempotencyKeys.createdAt, now - KEY_LIFE_MS))
    .returning({ key: idempotencyKeys.key });
  return { found: gone.length, acted: gone.length };
}
