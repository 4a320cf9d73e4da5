/** The object's schema from nothing, and what happens when its past is not ours. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { describe, expect, test } from "vitest";
import { checksumOf, migrateObject } from "../../database/migrate-object.ts";
import type { ObjectMigration } from "../../database/migrate-object.ts";
import { PROJECT_MIGRATIONS } from "./migrations.ts";

const ids = idSource(systemClock, systemRandom);
const NEXT: ObjectMigration = { name: "9999_next", sql: "CREATE TABLE extra (id TEXT PRIMARY KEY) STRICT" };

const inObject = (work: (storage: DurableObjectStorage) => void) =>
  runInDurableObject(env.PROJECT_DATA.getByName(ids.make("prj")), (_object, state) => work(state.storage));

const tables = (storage: DurableObjectStorage) =>
  storage.sql
    .exec<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name",
    )
    .toArray()
    .map(({ name }) => name);

describe("the object's migrations", () => {
  test("what has been released never changes", () => {
    expect(PROJECT_MIGRATIONS.map((migration) => [migration.name, checksumOf(migration)])).toMatchInlineSnapshot(`
      [
        [
          "0001_sessions_and_messages",
          "ddc4c7a70a9bd57f7ac7ccf04f1d9bcdd7329d0d5c05fe7a01eea05ec795115e",
        ],
        [
          "0002_bundles",
          "f6c4c65496af4cbf2c1bdab525a6fea45cd28f0f03fa9624ad086cb3bfdb06ac",
        ],
        [
          "0003_activity",
          "4e5cb39678c117f5de9eb6d49c44028c07d370e9c2556152c563e7d122799f6c",
        ],
      ]
    `);
  });

  test("make the schema once, and go on from where an older version stopped", async () => {
    await inObject((storage) => {
      expect(tables(storage)).toEqual(["bundle_chunks", "bundles", "messages", "migrations", "sessions"]);
      migrateObject(storage, PROJECT_MIGRATIONS);
      migrateObject(storage, [...PROJECT_MIGRATIONS, NEXT]);
      expect(tables(storage)).toContain("extra");
    });
  });

  test("refuse an edited, a removed and an unknown step, and change nothing then", async () => {
    await inObject((storage) => {
      const edited = PROJECT_MIGRATIONS.map((migration) => ({ ...migration, sql: `${migration.sql} ` }));
      expect(() => migrateObject(storage, [...edited, NEXT])).toThrow(/edited or removed/);
      expect(() => migrateObject(storage, [])).toThrow(/edited or removed/);
      expect(tables(storage)).not.toContain("extra");
    });
  });

  test("a step that fails leaves none of itself", async () => {
    await inObject((storage) => {
      const broken = { name: "0003_broken", sql: `${NEXT.sql}; CREATE TABLE nonsense (` };
      expect(() => migrateObject(storage, [...PROJECT_MIGRATIONS, broken])).toThrow(/incomplete|syntax/i);
      expect(tables(storage)).toEqual(["bundle_chunks", "bundles", "messages", "migrations", "sessions"]);
      migrateObject(storage, PROJECT_MIGRATIONS);
    });
  });
});
