/** Every test file begins with empty objects and a database that the migrations made: files share one workerd. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll } from "vitest";
import { applyMigrations } from "../src/database/migrate.ts";
import { MIGRATIONS } from "./migrations.ts";

beforeAll(async () => {
  await reset();
  await applyMigrations(env.DB, MIGRATIONS);
});
