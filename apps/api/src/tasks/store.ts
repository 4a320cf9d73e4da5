/**
 * Tasks in D1. The row owns the status; every change is a compare-and-set, in one transaction with its events. Keeps T1.
 */
import { errorMessage } from "@samovar/base";
import type { Millis, ProjectId, TaskId } from "@samovar/base";
import { messageId, SamovarError, taskEventKind } from "@samovar/contracts";
import type { Page, TaskEvent, TaskStatus } from "@samovar/contracts";
import { formatActor, changeTask } from "@samovar/domain/task-status";
import type {
  TaskActor,
  TaskChange,
  TaskChanged,
  TaskEventDraft,
  TaskRecord,
  TaskRefusal,
} from "@samovar/domain/task-status";
import { and, asc, desc, eq, gt, inArray, lt, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { recordIfChanged } from "../audit/store.ts";
import type { AuditActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { idempotencyKeys, taskEvents, taskQueue, tasks } from "../database/schema.ts";
import type { KeyRow } from "../idempotency.ts";
import type { Deps } from "../deps.ts";
import { assertDependencies, guardDependencies, hasNoDependents } from "./dependencies.ts";

export type TaskRow = typeof tasks.$inferSelect;
type EventRow = typeof taskEvents.$inferSelect;

/** Attempts at a compare-and-set before it gives up. */
const MAX_TRIES = 8;

export type ChangeOutcome =
  | { readonly ok: true; readonly task: TaskRecord; readonly events: readonly TaskEvent[] }
  | { readonly ok: false; readonly refusal: TaskRefusal; readonly task: TaskRecord };

/** Throws `not_found` if the project has no such task. The caller has checked who owns the project. */
export async function requireTask(db: Database, projectId: ProjectId, taskId: TaskId): Promise<TaskRecord> {
  const task = await findTask(db, taskId);
  if (task === null || task.projectId !== projectId)
    throw new SamovarError("not_found", "Task not found, or you don't have access to it.");
  return task;
}

export async function findTask(db: Database, taskId: TaskId): Promise<TaskRecord | null> {
  const [row] = await db.select().from(tasks).where(eq(tasks.id, taskId));
  return row === undefined ? null : toTaskRecord(row);
}

/** Newest first. */
export async function listTasks(
  db: Database,
  projectId: ProjectId,
  query: { readonly cursor?: string | undefined; readonly limit: number; readonly status: readonly TaskStatus[] },
): Promise<Page<TaskRecord>> {
  const rows = await db
    .select()
    .from(tasks)
    .where(
      and(
        eq(tasks.projectId, projectId),
        query.status.length === 0 ? undefined : inArray(tasks.status, [...query.status]),
        query.cursor === undefined ? undefined : lt(tasks.id, sql`${query.cursor}`),
      ),
    )
    .orderBy(desc(tasks.id))
    .limit(query.limit + 1);
  const items = rows.slice(0, query.limit).map(toTaskRecord);
  return { items, nextCursor: rows.length > query.limit ? (items.at(-1)?.id ?? null) : null };
}

/** Oldest first; the cursor is a sequence number. */
export async function listEvents(
  db: Database,
  taskId: TaskId,
  query: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<Page<TaskEvent>> {
  const after = Number(query.cursor ?? 0);
  const rows = await db
    .select()
    .from(taskEvents)
    .where(and(eq(taskEvents.taskId, taskId), gt(taskEvents.seq, Number.isFinite(after) ? after : 0)))
    .orderBy(asc(taskEvents.seq))
    .limit(query.limit + 1);
  const items = rows.slice(0, query.limit).map(toEventView);
  return { items, nextCursor: rows.length > query.limit ? String(items.at(-1)?.seq ?? 0) : null };
}

/** An event that is recorded once per key. */
export interface KeyedEvent {
  readonly draft: TaskEventDraft;
  readonly dedupeKey: string;
  /** Its time, by default now. */
  readonly at?: Millis;
}

/** What else the transaction of a change writes. */
export interface WrittenWithChange {
  /** The change is applied once under this key. */
  readonly key?: KeyRow;
  /** Events that follow those of the change itself. */
  readonly events?: readonly KeyedEvent[];
}

/**
 * Decides and writes a change. After a concurrent write or a lost answer it reads the row again and decides anew: changes
 * are idempotent, so one that was written after all is then `unchanged`.
 */
export async function applyChange(
  deps: Deps,
  taskId: TaskId,
  change: TaskChange,
  actor: TaskActor,
  also: WrittenWithChange = {},
): Promise<ChangeOutcome> {
  const { db, clock, logger } = deps;
  let fault: unknown = null;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const task = await findTask(db, taskId);
    if (task === null) throw new SamovarError("not_found", "Task not found, or you don't have access to it.");
    const now = clock.now();
    const decided = changeTask(task, change, actor, now);
    if (!decided.ok) return { ok: false, refusal: decided.error, task };
    if (!decided.value.changed)
      return { ok: true, task, events: await recordEvents(deps, taskId, also.events ?? [], actor) };
    const guard = await getGuard(db, task, change);
    try {
      const events = await compareAndSet(db, task, decided.value, actor, now, guard, also);
      if (events !== null) return { ok: true, task: decided.value.task, events };
    } catch (error) {
      fault = error;
      logger.warn("task.write_failed", { taskId, change: change.kind, error: errorMessage(error) });
    }
  }
  throw fault ?? new Error(`task ${taskId} changed concurrently ${MAX_TRIES} times`);
}

/** A condition that must hold when the change is written. Throws `invalid_request` if it does not hold now. */
async function getGuard(db: Database, { id, projectId }: TaskRecord, change: TaskChange): Promise<SQL> {
  const dependsOn = change.kind === "edit" ? change.fields.dependsOn : undefined;
  if (dependsOn === undefined || dependsOn.length === 0) return sql`TRUE`;
  await assertDependencies(db, projectId, id, dependsOn);
  return guardDependencies(projectId, id, dependsOn);
}

/** Null, with nothing written, if the row has another version or the guard no longer holds. */
async function compareAndSet(
  db: Database,
  before: TaskRecord,
  { task: after, events: drafts }: TaskChanged,
  actor: TaskActor,
  now: number,
  guard: SQL,
  { key, events = [] }: WrittenWithChange,
): Promise<TaskEvent[] | null> {
  const { id, projectId: _project, createdAt: _created, ...fields } = after;
  const unchanged = and(eq(tasks.id, id), eq(tasks.version, before.version), guard);
  const when = sql`EXISTS (SELECT 1 FROM tasks WHERE id = ${id} AND version = ${before.version}) AND ${guard}`;
  const leavesQueue = before.status === "queued" && after.status !== "queued";
  const inserts = [...drafts.map((draft) => ({ draft, dedupeKey: null })), ...events].map((event) =>
    insertEvent(db, { at: now, ...event, taskId: id, actor, when }),
  );
  const [held, ...results] = await db.batch([
    db.select({ id: tasks.id }).from(tasks).where(unchanged),
    ...inserts,
    ...(key === undefined ? [] : [insertKey(db, key, when)]),
    db.update(tasks).set(fields).where(unchanged),
    ...(leavesQueue ? [removeFromQueue(db, id)] : []),
  ]);
  if (held.length === 0) return null;
  return results.slice(0, inserts.length).flatMap((rows) => (rows as EventRow[]).map(toEventView));
}

/** A task that is not queued has no entry in the queue, whichever write won. */
const removeFromQueue = (db: Database, id: TaskId) =>
  db
    .delete(taskQueue)
    .where(and(eq(taskQueue.taskId, id), sql`EXISTS (SELECT 1 FROM tasks WHERE id = ${id} AND status <> 'queued')`));

/** Inserts the first version of a task with its events and its key. All or nothing; throws. */
export async function insertTask(
  db: Database,
  task: TaskRecord,
  drafts: readonly TaskEventDraft[],
  actor: TaskActor,
  idempotency: KeyRow | null,
): Promise<TaskEvent[]> {
  const { id, createdAt: at } = task;
  await db.batch([
    db.insert(tasks).values(task),
    ...(idempotency === null ? [] : [db.insert(idempotencyKeys).values(idempotency)]),
    ...drafts.map((draft) => insertEvent(db, { taskId: id, at, actor, draft, dedupeKey: null, when: sql`TRUE` })),
  ]);
  return drafts.map((draft, index) => ({ seq: 1 + index, at, actor: formatActor(actor), ...draft }));
}

/** Deletes a draft with its events, if it never ran and no task depends on it. Returns whether it did. */
export async function deleteDraft(
  deps: Deps,
  actor: AuditActor,
  { id: taskId, projectId, title }: Pick<TaskRecord, "id" | "projectId" | "title">,
): Promise<boolean> {
  const { db } = deps;
  const noDependents = hasNoDependents(projectId, taskId);
  const draft = sql`EXISTS (SELECT 1 FROM tasks WHERE id = ${taskId} AND status IN ('draft', 'ready') AND attempt = 0) AND ${noDependents}`;
  const [, deleted] = await db.batch([
    db.delete(taskEvents).where(and(eq(taskEvents.taskId, taskId), draft)),
    db
      .delete(tasks)
      .where(and(eq(tasks.id, taskId), inArray(tasks.status, ["draft", "ready"]), eq(tasks.attempt, 0), noDependents))
      .returning({ id: tasks.id }),
    recordIfChanged(deps, actor, { action: "task.deleted", objectId: taskId, detail: { title, projectId } }),
  ]);
  return deleted.length > 0;
}

/** Records events that do not change the task, in one transaction, once per `dedupeKey`. Returns the new ones. */
export async function recordEvents(
  { db, clock }: Deps,
  taskId: TaskId,
  events: readonly KeyedEvent[],
  actor: TaskActor,
): Promise<TaskEvent[]> {
  const now = clock.now();
  const [first, ...rest] = events.map((event) =>
    insertEvent(db, { at: now, ...event, taskId, actor, when: sql`TRUE` }),
  );
  return first === undefined ? [] : (await db.batch([first, ...rest])).flat().map(toEventView);
}

function insertEvent(
  db: Database,
  event: {
    readonly taskId: TaskId;
    readonly at: number;
    readonly actor: TaskActor;
    readonly draft: TaskEventDraft;
    readonly dedupeKey: string | null;
    readonly when: SQL;
  },
) {
  const { taskId, at, actor, draft, dedupeKey, when } = event;
  return db
    .insert(taskEvents)
    .select(
      sql`SELECT ${taskId}, (SELECT COALESCE(MAX(seq), 0) + 1 FROM task_events WHERE task_id = ${taskId}),
            ${at}, ${formatActor(actor)}, ${draft.kind}, ${JSON.stringify(draft.data)}, ${dedupeKey}
          WHERE ${when}`,
    )
    .onConflictDoNothing({ target: [taskEvents.taskId, taskEvents.dedupeKey] })
    .returning();
}

/** An existing key fails the whole batch. */
function insertKey(db: Database, { ownerId, key, requestHash, resourceId, createdAt }: KeyRow, when: SQL) {
  return db
    .insert(idempotencyKeys)
    .select(sql`SELECT ${ownerId}, ${key}, ${requestHash}, ${resourceId}, ${createdAt} WHERE ${when}`);
}

export function toEventView({ seq, at, actor, kind, data }: EventRow): TaskEvent {
  return { seq, at, actor, kind: taskEventKind.parse(kind), data };
}

export function toTaskRecord(row: TaskRow): TaskRecord {
  return {
    ...row,
    dependsOn: row.dependsOn ?? [],
    budget: row.budget ?? null,
    promptMessageId: messageId.parse(row.promptMessageId),
  };
}
