import { env } from "cloudflare:workers";
import { errorBody } from "@samovar/contracts";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { describe, expect, it } from "vitest";
import { controlPlane } from "../../test/caller.ts";
import { MIGRATIONS } from "../../test/migrations.ts";
import { applyMigrations, EarlierVersionError, NewerVersionError } from "./migrate.ts";
import { LATEST_MIGRATION } from "./schema-version.ts";
import * as schema from "./schema.ts";

/** A migration that one test adds and the later ones find applied. */
const MORE = { name: "9000_more.sql", sql: "CREATE TABLE more (id TEXT);\nCREATE INDEX more_id ON more (id);\n" };

const tables: readonly SQLiteTable[] = Object.values(schema);

interface Column {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly key: number;
  readonly fallback: string | null;
}

async function storedColumns(table: string): Promise<Column[]> {
  const { results } = await env.DB.prepare(
    'SELECT name, type, "notnull" AS required, pk, dflt_value FROM pragma_table_info(?)',
  )
    .bind(table)
    .all<{ name: string; type: string; required: number; pk: number; dflt_value: string | null }>();
  return results.map((row) => ({
    name: row.name,
    type: row.type.toLowerCase(),
    required: row.required === 1,
    key: row.pk,
    fallback: row.dflt_value,
  }));
}

function declaredColumns(table: SQLiteTable): Column[] {
  const { columns, primaryKeys } = getTableConfig(table);
  const together = primaryKeys[0]?.columns.map((column) => column.name) ?? [];
  return columns.map((column) => ({
    name: column.name,
    type: column.getSQLType().toLowerCase(),
    required: column.notNull,
    key: column.primary ? 1 : together.indexOf(column.name) + 1,
    fallback: column.default === undefined ? null : literal(column.default),
  }));
}

/** The SQL literal of a default: lists are JSON text, booleans are 1 and 0. */
function literal(value: unknown): string {
  if (typeof value === "string") return `'${value}'`;
  return typeof value === "object" ? `'${JSON.stringify(value)}'` : String(Number(value));
}

async function storedIndexes(table: string): Promise<Record<string, unknown>> {
  const { results } = await env.DB.prepare(
    "SELECT l.name, l.\"unique\" AS alone, i.name AS column FROM pragma_index_list(?) l, pragma_index_info(l.name) i WHERE l.origin = 'c' ORDER BY l.name, i.seqno",
  )
    .bind(table)
    .all<{ name: string; alone: number; column: string }>();
  const found: Record<string, { unique: boolean; columns: string[] }> = {};
  for (const row of results) {
    (found[row.name] ??= { unique: row.alone === 1, columns: [] }).columns.push(row.column);
  }
  return found;
}

function declaredIndexes(table: SQLiteTable): Record<string, unknown> {
  return Object.fromEntries(
    getTableConfig(table).indexes.map(({ config }) => [
      config.name,
      { unique: config.unique, columns: config.columns.map((column) => ("name" in column ? column.name : "?")) },
    ]),
  );
}

async function storedReferences(table: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    'SELECT "from" AS source, "table" AS target, "to" AS id FROM pragma_foreign_key_list(?)',
  )
    .bind(table)
    .all<{ source: string; target: string; id: string }>();
  return results.map((row) => `${row.source} → ${row.target}.${row.id}`).toSorted();
}

function declaredReferences(table: SQLiteTable): string[] {
  return getTableConfig(table)
    .foreignKeys.map((key) => {
      const { columns, foreignTable, foreignColumns } = key.reference();
      return `${columns[0]?.name} → ${getTableConfig(foreignTable).name}.${foreignColumns[0]?.name}`;
    })
    .toSorted();
}

/** The order of columns does not matter. */
const byName = (columns: readonly Column[]) => columns.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe("D1's migrations", () => {
  it.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
    "create table %s exactly as the schema declares it",
    async (name, table) => {
      expect(byName(await storedColumns(name))).toEqual(byName(declaredColumns(table)));
      expect(await storedIndexes(name)).toEqual(declaredIndexes(table));
      expect(await storedReferences(name)).toEqual(declaredReferences(table));
    },
  );

  it("create no table that the schema does not declare", async () => {
    const { results } = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
    ).all<{ name: string }>();
    const declared = [...tables.map((table) => getTableConfig(table).name), "migrations"];
    expect(results.map((row) => row.name).toSorted()).toEqual(declared.toSorted());
  });

  it("are applied once", async () => {
    expect(await applyMigrations(env.DB, MIGRATIONS)).toEqual([]);
  });

  it("continue from the state of the database", async () => {
    expect(await applyMigrations(env.DB, [MORE, ...MIGRATIONS])).toEqual(["9000_more.sql"]);
    expect(await storedIndexes("more")).toEqual({ more_id: { unique: false, columns: ["id"] } });
  });

  it("leave nothing behind after a failure", async () => {
    const broken = { name: "9001_broken.sql", sql: "CREATE TABLE half (id TEXT);\nCREATE TABLE half (id TEXT);\n" };
    await expect(applyMigrations(env.DB, [...MIGRATIONS, MORE, broken])).rejects.toThrow(/half/);
    expect(await storedColumns("half")).toEqual([]);
  });

  it("refuse a file that was edited after it was applied", async () => {
    await applyMigrations(env.DB, [...MIGRATIONS, MORE]);
    const edited = { ...MORE, sql: `${MORE.sql}\n-- edited later` };
    await expect(applyMigrations(env.DB, [...MIGRATIONS, edited])).rejects.toThrow(/edited/);
  });

  it("refuse a history in which a file is missing", async () => {
    await applyMigrations(env.DB, [...MIGRATIONS, MORE]);
    const without = [...MIGRATIONS.slice(0, 2), ...MIGRATIONS.slice(3), MORE];
    await expect(applyMigrations(env.DB, without)).rejects.toThrow(/missing/);
  });

  it("refuse a database that a newer version has migrated, and change nothing", async () => {
    await applyMigrations(env.DB, [...MIGRATIONS, MORE]);
    await expect(applyMigrations(env.DB, MIGRATIONS)).rejects.toThrow(NewerVersionError);
    await expect(applyMigrations(env.DB, MIGRATIONS)).rejects.toMatchObject({ migration: MORE.name });
  });

  it("are compared by the health check, which says what a version must have", async () => {
    const { ask } = controlPlane();
    await applyMigrations(env.DB, [...MIGRATIONS, MORE]);
    const newer = await ask("/api/health");
    expect(newer.status).toBe(503);
    expect(errorBody.parse(await newer.json()).error).toMatchObject({
      code: "newer_data",
      message: expect.stringContaining(`has ${MORE.name} again`),
    });
    await env.DB.prepare("DELETE FROM migrations WHERE name = ?").bind(MORE.name).run();
    expect((await ask("/api/health")).status).toBe(200);
    const latest = await env.DB.prepare("DELETE FROM migrations WHERE name = ? RETURNING *")
      .bind(LATEST_MIGRATION)
      .first<{ name: string; sha256: string; applied_at: number }>();
    const older = await ask("/api/health");
    expect(older.status).toBe(503);
    expect(errorBody.parse(await older.json()).error).toMatchObject({ code: "unavailable" });
    await env.DB.prepare("INSERT INTO migrations VALUES (?, ?, ?)")
      .bind(latest?.name, latest?.sha256, latest?.applied_at)
      .run();
    await env.DB.prepare("DROP TABLE more").run();
  });

  it("end with the one that the Worker knows as the newest", () => {
    expect(
      MIGRATIONS.map(({ name }) => name)
        .toSorted()
        .at(-1),
    ).toBe(LATEST_MIGRATION);
  });

  it.each([
    ["another name", (name: string) => name.replace("0001_initial", "0001_first"), (sql: string) => sql],
    ["another content", (name: string) => name, (sql: string) => `${sql}\n-- of an earlier version`],
  ])("refuse a database whose first migration has %s, and change nothing", async (_, rename, rewrite) => {
    const earlier = MIGRATIONS.map(({ name, sql }) => ({ name: rename(name), sql: rewrite(sql) }));
    const next = { name: "9002_next.sql", sql: "CREATE TABLE next (id TEXT);\n" };
    await expect(applyMigrations(env.DB, [...earlier, MORE, next])).rejects.toThrow(EarlierVersionError);
    expect(await storedColumns("next")).toEqual([]);
  });
});
