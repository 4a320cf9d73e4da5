/** Workspaces in D1. A row is first an intent (the node that is asked for a slot), then the workspace itself. */
import type { NodeId, UserId, WorkspaceId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Failure, Page, WorkspaceState, WorkspaceView } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { and, desc, eq, inArray, lt, lte, ne, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { database } from "../database/index.ts";
import { workspaces } from "../database/schema.ts";
import type { Env } from "../env.ts";

export type WorkspaceRow = typeof workspaces.$inferSelect;
export type NewWorkspace = Pick<WorkspaceRow, "id" | "ownerId" | "nodeId"> &
  Partial<Pick<WorkspaceRow, "projectId" | "sessionId" | "taskId" | "branch" | "agent">>;

/** Repeatable: an existing row stays; while it is `creating`, its node, branch and agent are updated. */
export async function createWorkspace(env: Env, row: NewWorkspace, now: number = Date.now()): Promise<void> {
  const { nodeId, branch = null, agent = null } = row;
  await database(env)
    .insert(workspaces)
    .values({ ...row, state: "creating", createdAt: now, updatedAt: now })
    .onConflictDoUpdate({
      target: workspaces.id,
      set: { nodeId, branch, agent, updatedAt: now },
      setWhere: eq(workspaces.state, "creating"),
    });
}

export interface WorkspaceChange {
  readonly branch?: string | null;
  readonly failure?: Failure | null;
  readonly retainedUntil?: number | null;
}

/** A destroyed workspace stays destroyed. */
export async function setWorkspaceState(
  env: Env,
  id: WorkspaceId,
  state: WorkspaceState,
  change: WorkspaceChange = {},
  now: number = Date.now(),
): Promise<void> {
  await database(env)
    .update(workspaces)
    .set({ ...change, state, updatedAt: now })
    .where(and(eq(workspaces.id, id), ne(workspaces.state, "destroyed")));
}

/** Moves a retained or failed workspace to `destroying`, once; for `expired`, only after its retention period. Null if it did not. */
export async function beginRemoval(
  db: Database,
  id: WorkspaceId,
  cause: "requested" | "expired",
  now: number,
): Promise<WorkspaceRow | null> {
  const [row] = await db
    .update(workspaces)
    .set({ state: "destroying", updatedAt: now })
    .where(
      and(
        eq(workspaces.id, id),
        inArray(workspaces.state, ["retained", "failed"]),
        cause === "expired" ? lte(workspaces.retainedUntil, now) : undefined,
      ),
    )
    .returning();
  return row ?? null;
}

/** Never shortens the retention. Null if the workspace is not retained. */
export async function extendRetention(
  db: Database,
  id: WorkspaceId,
  retainedUntil: number,
  now: number,
): Promise<WorkspaceRow | null> {
  const [row] = await db
    .update(workspaces)
    .set({ retainedUntil: sql`max(coalesce(${workspaces.retainedUntil}, 0), ${retainedUntil})`, updatedAt: now })
    .where(and(eq(workspaces.id, id), eq(workspaces.state, "retained")))
    .returning();
  return row ?? null;
}

/** Records which node will be asked for a slot, before it is asked. */
export async function recordIntent(
  db: Database,
  { ownerId, lease }: { ownerId: UserId; lease: SlotLease },
  nodeId: NodeId,
  now: number,
): Promise<void> {
  const { workspaceId: id, projectId, sessionId, taskId } = lease;
  await db
    .insert(workspaces)
    .values({ id, ownerId, nodeId, projectId, sessionId, taskId, state: "creating", createdAt: now, updatedAt: now })
    .onConflictDoUpdate({
      target: workspaces.id,
      set: { nodeId, updatedAt: now },
      setWhere: eq(workspaces.state, "creating"),
    });
}

/** Deletes the intent of a workspace that got no slot. */
export async function deleteIntent(db: Database, id: WorkspaceId): Promise<void> {
  await db.delete(workspaces).where(and(eq(workspaces.id, id), eq(workspaces.state, "creating")));
}

export async function findWorkspace(db: Database, id: WorkspaceId): Promise<WorkspaceRow | null> {
  const [row] = await db.select().from(workspaces).where(eq(workspaces.id, id));
  return row ?? null;
}

/** Throws `not_found` if there is none or it belongs to another user. */
export async function requireWorkspace(db: Database, ownerId: UserId, id: WorkspaceId): Promise<WorkspaceRow> {
  const row = await findWorkspace(db, id);
  if (row === null || row.ownerId !== ownerId)
    throw new SamovarError("not_found", "Workspace not found, or you don't have access to it.");
  return row;
}

/** Newest first. */
export async function listWorkspaces(
  db: Database,
  ownerId: UserId,
  query: {
    readonly states?: readonly WorkspaceState[] | undefined;
    readonly cursor?: string | undefined;
    readonly limit: number;
  },
): Promise<Page<WorkspaceRow>> {
  const rows = await db
    .select()
    .from(workspaces)
    .where(
      and(
        eq(workspaces.ownerId, ownerId),
        query.states === undefined ? undefined : inArray(workspaces.state, [...query.states]),
        query.cursor === undefined ? undefined : lt(workspaces.id, query.cursor as WorkspaceId),
      ),
    )
    .orderBy(desc(workspaces.id))
    .limit(query.limit + 1);
  const items = rows.slice(0, query.limit);
  return { items, nextCursor: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Retained workspaces whose retention period is over, and those whose removal was requested long ago and not reported. */
export async function listOverdue(
  db: Database,
  at: { readonly retainedUntil: number; readonly requestedBefore: number },
  limit: number,
): Promise<readonly WorkspaceRow[]> {
  const [expired, unconfirmed] = await Promise.all([
    db
      .select()
      .from(workspaces)
      .where(and(eq(workspaces.state, "retained"), lte(workspaces.retainedUntil, at.retainedUntil)))
      .limit(limit),
    db
      .select()
      .from(workspaces)
      .where(and(eq(workspaces.state, "destroying"), lte(workspaces.updatedAt, at.requestedBefore)))
      .limit(limit),
  ]);
  return [...unconfirmed, ...expired].slice(0, limit);
}

export function toWorkspaceView({ ownerId: _owner, ...rest }: WorkspaceRow): WorkspaceView {
  return rest;
}
