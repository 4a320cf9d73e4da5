/** The single owner: made at the first set-up, and the same at every later one. */
import type { UserId } from "@samovar/base";
import { asc, sql } from "drizzle-orm";
import { users } from "../database/schema.ts";
import type { Deps } from "../deps.ts";

/** Two set-ups at once make one owner. */
export async function ensureOwner({ db, clock, ids }: Deps): Promise<UserId> {
  const id = ids.make("usr");
  await db.run(
    sql`INSERT INTO users (id, name, created_at) SELECT ${id}, ${"Owner"}, ${clock.now()} WHERE NOT EXISTS (SELECT 1 FROM users)`,
  );
  const [owner] = await db.select({ id: users.id }).from(users).orderBy(asc(users.createdAt), asc(users.id)).limit(1);
  if (owner === undefined) throw new Error("there is no owner after the set-up made one");
  return owner.id;
}
