import { env } from "cloudflare:workers";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import { describe, expect, it } from "vitest";
import { MIGRATIONS } from "../../test/migrations.ts";
import { applyMigrations } from "./migrate.ts";
import * as schema from "./schema.ts";

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

/** As SQL writes it: a list is a text of JSON, yes and no are 1 and 0. */
const literal = (value: unknown): string =>
  typeof value === "object" ? `'${JSON.stringify(value)}'` : String(Number(value));

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

/** A column that was added later stands last in the table, wherever the schema has it. */
const byName = (columns: readonly Column[]) => columns.toSorted((a, b) => (a.name < b.name ? -1 : 1));

describe("D1's migrations", () => {
  it.each(tables.map((table) => [getTableConfig(table).name, table] as const))(
    "make exactly what the schema says of %s",
    async (name, table) => {
      expect(byName(await storedColumns(name))).toEqual(byName(declaredColumns(table)));
      expect(await storedIndexes(name)).toEqual(declaredIndexes(table));
      expect(await storedReferences(name)).toEqual(declaredReferences(table));
    },
  );

  it("make no table that the schema does not name", async () => {
    const { results } = await env.DB.prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
    ).all<{ name: string }>();
    const declared = [...tables.map((table) => getTableConfig(table).name), "migrations"];
    expect(results.map((row) => row.name).toSorted()).toEqual(declared.toSorted());
  });

  it("are applied once", async () => {
    expect(await applyMigrations(env.DB, MIGRATIONS)).toEqual([]);
  });

  it("go on from where the database is", async () => {
    const more = { name: "9000_more.sql", sql: "CREATE TABLE more (id TEXT);\nCREATE INDEX more_id ON more (id);\n" };
    expect(await applyMigrations(env.DB, [more, ...MIGRATIONS])).toEqual(["9000_more.sql"]);
    expect(await storedIndexes("more")).toEqual({ more_id: { unique: false, columns: ["id"] } });
  });

  it("leave nothing behind when one fails", async () => {
    const broken = { name: "9001_broken.sql", sql: "CREATE TABLE half (id TEXT);\nCREATE TABLE half (id TEXT);\n" };
    const { results } = await env.DB.prepare("SELECT name FROM migrations").all<{ name: string }>();
    const known = await knownFiles(results.map((row) => row.name));
    await expect(applyMigrations(env.DB, [...known, broken])).rejects.toThrow(/half/);
    expect(await storedColumns("half")).toEqual([]);
  });

  it("refuse a file that was edited after it was applied", async () => {
    const edited = MIGRATIONS.map((file) => ({ ...file, sql: `${file.sql}\n-- a thought that came later` }));
    await expect(applyMigrations(env.DB, edited)).rejects.toThrow(/edited/);
  });

  it("refuse a history that lost a file", async () => {
    await expect(applyMigrations(env.DB, [])).rejects.toThrow(/missing/);
  });
});

async function knownFiles(names: readonly string[]) {
  const more = { name: "9000_more.sql", sql: "CREATE TABLE more (id TEXT);\nCREATE INDEX more_id ON more (id);\n" };
  return [...MIGRATIONS, more].filter((file) => names.includes(file.name));
}
