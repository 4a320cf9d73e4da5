/** The migration files, as text. */
import type { MigrationFile } from "../src/database/migrate.ts";

const texts: Record<string, string> = import.meta.glob("../migrations/*.sql", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const MIGRATIONS: readonly MigrationFile[] = Object.entries(texts).map(([path, sql]) => ({
  name: path.slice(path.lastIndexOf("/") + 1),
  sql,
}));
