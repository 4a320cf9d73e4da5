/** Projects in D1. Every read names the owner: another owner's project does not exist. */
import type { ProjectId, UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Page } from "@samovar/contracts";
import { and, asc, eq, gt, isNull } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { idempotencyKeys, projects } from "../database/schema.ts";
import type { KeyRow } from "../idempotency.ts";

export type ProjectRow = typeof projects.$inferSelect;

/** Throws `not_found` when it does not exist or belongs to another owner. */
export async function requireProject(db: Database, ownerId: UserId, projectId: ProjectId): Promise<ProjectRow> {
  const [row] = await db
    .select()
    .from(projects)
    .where(and(eq(projects.id, projectId), eq(projects.ownerId, ownerId)));
  if (row === undefined) throw new SamovarError("not_found", "There is no such project.");
  return row;
}

/** In order of age; archived ones only when asked for. */
export async function listProjects(
  db: Database,
  ownerId: UserId,
  query: { readonly cursor?: string | undefined; readonly limit: number; readonly archived: boolean },
): Promise<Page<ProjectRow>> {
  const rows = await db
    .select()
    .from(projects)
    .where(
      and(
        eq(projects.ownerId, ownerId),
        query.archived ? undefined : isNull(projects.archivedAt),
        query.cursor === undefined ? undefined : gt(projects.id, asCursor(query.cursor)),
      ),
    )
    .orderBy(asc(projects.id))
    .limit(query.limit + 1);
  const items = rows.slice(0, query.limit);
  return { items, nextCursor: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
}

/** With its Idempotency-Key, if it has one, or not at all. */
export async function insertProject(db: Database, row: ProjectRow, key: KeyRow | null): Promise<void> {
  const made = db.insert(projects).values(row);
  if (key === null) await made;
  else await db.batch([made, db.insert(idempotencyKeys).values(key)]);
}

export async function updateProject(
  db: Database,
  projectId: ProjectId,
  change: Partial<Omit<ProjectRow, "id" | "ownerId" | "createdAt">>,
): Promise<void> {
  await db.update(projects).set(change).where(eq(projects.id, projectId));
}

/** A cursor is compared, never trusted: any text is a place in the order. */
function asCursor(text: string): ProjectId {
  return text as ProjectId;
}
