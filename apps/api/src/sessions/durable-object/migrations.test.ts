/** The object's migrations: the schema they create, and the histories they refuse. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { describe, expect, test } from "vitest";
import { migrateObject } from "../../database/migrate-object.ts";
import type { ObjectMigration } from "../../database/migrate-object.ts";
import { PROJECT_MIGRATIONS } from "./migrations.ts";

const ids = idSource(systemClock, systemRandom);
const NEXT: ObjectMigration = { name: "9999_next", sql: "CREATE TABLE extra (id TEXT PRIMARY KEY) STRICT" };

const inObject = (work: (storage: DurableObjectStorage) => void) =>
  runInDurableObject(env.PROJECT_DATA.getByName(ids.make("prj")), (_object, state) => work(state.storage));

/** The index and the tables that SQLite keeps it in. */
const SEARCH = ["message_search", "message_search_config", "message_search_data", "message_search_idx"];

const tables = (storage: DurableObjectStorage) =>
  storage.sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name",
    )
    .toArray()
    .map(({ name }) => name);

describe("the object's migrations", () => {
  test("create the schema once and continue from an applied prefix", async () => {
    await inObject((storage) => {
      expect(tables(storage)).toEqual([
        "bundle_chunks",
        "bundles",
        "deliverers",
        ...SEARCH,
        "messages",
        "migrations",
        "sessions",
      ]);
      migrateObject(storage, PROJECT_MIGRATIONS);
      migrateObject(storage, [...PROJECT_MIGRATIONS, NEXT]);
      expect(tables(storage)).toContain("extra");
    });
  });

  test("refuse an edited migration and one of a newer version, and change nothing", async () => {
    await inObject((storage) => {
      const edited = PROJECT_MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql} ` }));
      expect(() => migrateObject(storage, [...edited, NEXT])).toThrow(/edited or removed/);
      const earlier = PROJECT_MIGRATIONS.slice(0, 1);
      const newest = PROJECT_MIGRATIONS.at(-1)?.name ?? "";
      expect(() => migrateObject(storage, earlier)).toThrow(
        expect.objectContaining({ code: "newer_data", message: expect.stringContaining(newest) }),
      );
      expect(tables(storage)).not.toContain("extra");
    });
  });

  test("leave nothing behind after a failure", async () => {
    await inObject((storage) => {
      const broken = { name: "0002_broken", sql: `${NEXT.sql}; CREATE TABLE nonsense (` };
      expect(() => migrateObject(storage, [...PROJECT_MIGRATIONS, broken])).toThrow(/incomplete|syntax/i);
      expect(tables(storage)).toEqual([
        "bundle_chunks",
        "bundles",
        "deliverers",
        ...SEARCH,
        "messages",
        "migrations",
        "sessions",
      ]);
      migrateObject(storage, PROJECT_MIGRATIONS);
    });
  });
});
