/** The control plane's D1, through Drizzle. */
import { drizzle } from "drizzle-orm/d1";
import type { DrizzleD1Database } from "drizzle-orm/d1";
import type { Env } from "../env.ts";

export type Database = DrizzleD1Database;

export function database(env: Pick<Env, "DB">): Database {
  return drizzle(env.DB);
}
