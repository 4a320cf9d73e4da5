/** Whether D1 has the schema that this version was made for. */
import { SamovarError } from "@samovar/contracts";

/** The name of the newest file in `apps/api/migrations`; the Worker does not contain them. */
export const LATEST_MIGRATION = "0008_device_logins.sql";

/** Throws `newer_data` if a newer version has migrated the database, and `unavailable` if this version's migrations are missing. */
export async function assertSchemaCurrent(db: D1Database): Promise<void> {
  const stored = await db.prepare("SELECT max(name) AS name FROM migrations").first<string>("name");
  if (stored === LATEST_MIGRATION) return;
  if (stored !== null && stored > LATEST_MIGRATION)
    throw new SamovarError(
      "newer_data",
      `A newer version of Samovar has migrated the database: it has ${stored}, and this version knows up to ${LATEST_MIGRATION}. Deploy a version that has ${stored} again.`,
      { migration: stored },
    );
  throw new SamovarError("unavailable", `The database lacks the migration ${LATEST_MIGRATION}. Run: npm run deploy`);
}
