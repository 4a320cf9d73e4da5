/** Projects in D1. Every read names the owner: another owner's project does not exist. */
import type { ProjectId, UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { AuditDetail, Page } from "@samovar/contracts";
import { and, asc, eq, gt, isNull } from "drizzle-orm";
import { recordAction } from "../audit/store.ts";
import type { AuditActor, AuditedAction } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { idempotencyKeys, projects } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import type { KeyRow } from "../idempotency.ts";

export type ProjectRow = typeof projects.$inferSelect;

/** Throws `not_found` when it does not exist or belongs to another owner. */
export async function requireProject(db: Database, ownerId: UserId, projectId: ProjectId): Promise<ProjectRow> {
  const [row] = await db
    .select()
    .from(projects)
    .where(and(eq(projects.id, projectId), eq(projects.ownerId, ownerId)));
  if (row === undefined) throw new SamovarError("not_found", "Project not found, or you don't have access to it.");
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

/** Records what changed in the audit log. */
export async function updateProject(
  deps: Deps,
  actor: AuditActor,
  before: ProjectRow,
  change: Partial<Omit<ProjectRow, "id" | "ownerId" | "createdAt" | "updatedAt">>,
): Promise<void> {
  const { db, clock } = deps;
  await db.batch([
    db
      .update(projects)
      .set({ ...change, updatedAt: clock.now() })
      .where(eq(projects.id, before.id)),
    ...describeChange(before, change).map((action) => recordAction(deps, actor, { objectId: before.id, ...action })),
  ]);
}

/** The names of changed settings; values, which may be long, only of those that decide what agents may do. */
function describeChange(before: ProjectRow, change: Partial<ProjectRow>): readonly Omit<AuditedAction, "objectId">[] {
  const { archivedAt = before.archivedAt, ...settings } = change;
  const was: Readonly<Record<string, unknown>> = before;
  const changed = Object.entries(settings).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(was[key]));
  const { name } = before;
  const actions: Omit<AuditedAction, "objectId">[] = [];
  if (changed.length > 0) {
    const names = changed.map(([key]) => key).join(", ");
    actions.push({ action: "project.changed", detail: { name, settings: names, ...describeRights(changed) } });
  }
  if ((archivedAt === null) !== (before.archivedAt === null))
    actions.push({ action: archivedAt === null ? "project.restored" : "project.archived", detail: { name } });
  return actions;
}

function describeRights(changed: readonly (readonly [string, unknown])[]): AuditDetail {
  const { egress, repositorySettings }: Partial<ProjectRow> = Object.fromEntries(changed);
  return {
    ...(egress === undefined ? {} : { egress: egress?.mode ?? null, hosts: egress?.hosts.join(", ") ?? null }),
    ...(repositorySettings === undefined ? {} : { repositorySettings }),
  };
}

/** A cursor is compared, never trusted: any text is a place in the order. */
function asCursor(text: string): ProjectId {
  return text as ProjectId;
}
