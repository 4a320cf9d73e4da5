/** Every test file begins with a database that the migrations made. */
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { applyMigrations } from "../src/database/migrate.ts";
import { MIGRATIONS } from "./migrations.ts";

beforeAll(async () => {
  await applyMigrations(env.DB, MIGRATIONS);
});
