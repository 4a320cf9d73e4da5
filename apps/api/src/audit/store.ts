/**
 * The audit log: who did what that destroys something or concerns security. An entry is inserted in one transaction with its
 * action where the action is in D1, and before it otherwise. Entries are never changed. Keeps S1: no secret is in one.
 */
import type { Millis, UserId } from "@samovar/base";
import type { AuditAction, AuditActorKind, AuditDetail, AuditEntry, Page } from "@samovar/contracts";
import { SamovarError } from "@samovar/contracts";
import { and, desc, eq, lt, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { auditLog } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";

type AuditRow = Omit<typeof auditLog.$inferSelect, "seq">;

export interface AuditActor {
  readonly kind: AuditActorKind;
  readonly id: string | null;
  /** Whose log gets the entry. */
  readonly ownerId: UserId;
}

export interface AuditedAction {
  readonly action: AuditAction;
  readonly objectId: string;
  readonly detail?: AuditDetail;
}

const LIMITS = { facts: 10, textChars: 200 } as const;
const DAY_MS = 86_400_000;
/** Entries that one sweep deletes at most, so that its statement stays small. */
const DELETED_PER_SWEEP = 5_000;

export const toActor = ({ id, via, access }: Caller): AuditActor => ({
  kind: via === "cookie" ? "sign_in_session" : "api_token",
  id: access.id,
  ownerId: id,
});

/** A statement that inserts an entry: to await, or to batch with the action. */
export function recordAction({ db, clock, ids }: Deps, actor: AuditActor, action: AuditedAction) {
  return db.insert(auditLog).values(toRow({ id: ids.make("aud"), at: clock.now() }, actor, action));
}

/** The same, but only if the statement before it in its batch changed a row. */
export function recordIfChanged({ db, clock, ids }: Deps, actor: AuditActor, action: AuditedAction) {
  const row = toRow({ id: ids.make("aud"), at: clock.now() }, actor, action);
  return db
    .insert(auditLog)
    .select(
      sql`SELECT NULL, ${row.id}, ${row.ownerId}, ${row.at}, ${row.actorKind}, ${row.actorId}, ${row.action}, ${row.objectId}, ${JSON.stringify(row.detail)} WHERE changes() > 0`,
    );
}

/** Newest first, by the order of insertion, which is the cursor. */
export async function listEntries(
  db: Database,
  ownerId: UserId,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<Page<AuditEntry>> {
  const rows = await db
    .select()
    .from(auditLog)
    .where(and(eq(auditLog.ownerId, ownerId), cursor === undefined ? undefined : lt(auditLog.seq, parseCursor(cursor))))
    .orderBy(desc(auditLog.seq))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return {
    items: items.map(toEntry),
    nextCursor: rows.length > limit && last !== undefined ? String(last.seq) : null,
  };
}

/** Deletes entries that are older than the retention, some at a time, and returns how many. */
export async function deleteOldEntries({ db, config }: Pick<Deps, "db" | "config">, now: Millis): Promise<number> {
  const before = now - config.AUDIT_LOG_RETENTION_DAYS * DAY_MS;
  const deleted = await db
    .delete(auditLog)
    .where(
      sql`${auditLog.seq} IN (SELECT seq FROM audit_log WHERE at < ${before} ORDER BY at LIMIT ${DELETED_PER_SWEEP})`,
    )
    .returning({ id: auditLog.id });
  return deleted.length;
}

function toRow(
  { id, at }: Pick<AuditRow, "id" | "at">,
  actor: AuditActor,
  { action, objectId, detail = {} }: AuditedAction,
): AuditRow {
  return {
    id,
    ownerId: actor.ownerId,
    at,
    actorKind: actor.kind,
    actorId: actor.id,
    action,
    objectId: cut(objectId),
    detail: bound(detail),
  };
}

const bound = (detail: AuditDetail): AuditDetail =>
  Object.fromEntries(
    Object.entries(detail)
      .slice(0, LIMITS.facts)
      .map(([name, value]) => [cut(name), typeof value === "string" ? cut(value) : value]),
  );

const cut = (text: string): string => text.slice(0, LIMITS.textChars).toWellFormed();

/** Throws `invalid_request` for what this never returned. */
function parseCursor(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new SamovarError("invalid_request", "cursor: use the nextCursor of a page");
  return Number(text);
}

const toEntry = ({ id, at, actorKind, actorId, action, objectId, detail }: AuditRow): AuditEntry => ({
  id,
  at,
  actor: { kind: actorKind, id: actorId },
  action,
  objectId,
  detail,
});
