/** A data directory that another version of Samovar has made. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { removeDirectory, samovar, startInstallation } from "../harness/installation.ts";

/** The SQLite file below the directory that has a table of this name. */
function findDatabase(dataDir: string, table: string): string {
  const files = readdirSync(dataDir, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sqlite"));
  const found = files.map((name) => join(dataDir, name)).find((file) => hasTable(file, table));
  if (found === undefined) throw new Error(`no database has a table ${table}`);
  return found;
}

function hasTable(file: string, table: string): boolean {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(table) !== undefined;
  } finally {
    db.close();
  }
}

test("samovar up refuses the data of an earlier version and says to start with an empty directory", async () => {
  const { dataDir, stop } = await startInstallation();
  await stop();
  const db = new DatabaseSync(findDatabase(dataDir, "task_events"));
  db.exec("UPDATE migrations SET name = '0001_first.sql' WHERE name = '0001_initial.sql'");
  db.close();

  const refused = await samovar(["up", "--json", "--no-open", "--data-dir", dataDir, "--port", "0"]);

  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`The data directory ${dataDir} was made by an earlier Samovar`);
  expect(refused.stderr).toContain("samovar up --data-dir");
  await removeDirectory(dataDir);
});

test("samovar up refuses the data of a newer version, says what a version must have, and works with it again", async () => {
  const first = await startInstallation();
  const { dataDir } = first;
  await first.stop();
  const db = new DatabaseSync(findDatabase(dataDir, "task_events"));
  db.exec("INSERT INTO migrations (name, sha256, applied_at) VALUES ('9999_next.sql', 'x', 1)");

  const refused = await samovar(["up", "--json", "--no-open", "--data-dir", dataDir, "--port", "0"]);

  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(`A newer Samovar has used the data directory ${dataDir}`);
  expect(refused.stderr).toContain("Start a version that has 9999_next.sql");
  db.exec("DELETE FROM migrations WHERE name = '9999_next.sql'");
  db.close();
  const again = await startInstallation({ dataDir });
  await again.stop();
  await removeDirectory(dataDir);
});
