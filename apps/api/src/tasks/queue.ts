/**
 * The queue in D1: a row for each waiting task, as its run last observed it. The explanation for people is composed on
 * request. Keeps T1: the row is deleted once its task has a slot or is no longer queued.
 */
import type { Millis, NodeId, RunId, TaskId, UserId } from "@samovar/base";
import type { TaskWaiting, VmSize } from "@samovar/contracts";
import type { ReachedLimit } from "@samovar/domain/budget";
import { decideDequeue, countAvailableSlots, STALE_ENTRY_MS, formatWaiting } from "@samovar/domain/task-queue";
import type { NodeCapacity, QueueEntry, DequeueDecision } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, asc, eq, gt, ne, sql } from "drizzle-orm";
import { findReachedDayLimit } from "../budgets/limits.ts";
import type { Database } from "../database/index.ts";
import { nodes, projects, taskQueue, tasks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getDependencies } from "./dependencies.ts";

export interface OwnedQueueEntry extends QueueEntry {
  readonly runId: RunId;
  readonly ownerId: UserId;
  readonly size: VmSize;
}

type QueueRow = typeof taskQueue.$inferSelect;

/** The most tasks that an explanation names. */
const MAX_NAMED = 20;

/** Decides whether this task may take a slot now. Reads no more of the queue than there are available slots. */
export async function decideQueueTurn(
  { db, config }: Deps,
  self: OwnedQueueEntry,
  task: TaskRecord,
  avoid: readonly NodeId[],
  now: Millis,
  isEnqueued: boolean,
): Promise<DequeueDecision> {
  const [dependencies, reached] = await Promise.all([
    getDependencies(db, task.dependsOn),
    findReachedDayLimit(db, { ownerId: self.ownerId, projectId: task.projectId }, now),
  ]);
  const limits = { size: self.size, maxNodes: config.MAX_NODES_PER_USER, slotsPerNode: config.NODE_SLOTS, avoid };
  const availableSlots = countAvailableSlots(await listNodeCapacity(db, self.ownerId), limits, now);
  // One more than the available slots: this task's row may be among them.
  const queue = await listFirstQueued(db, self, availableSlots + 1, now);
  const queuedTasks = isEnqueued ? 0 : await countQueuedTasks(db, self.ownerId, availableSlots + 1);
  const isBudgetUsed = reached !== null;
  return decideDequeue({ self, dependencies, isBudgetUsed, queue, availableSlots, queuedTasks, isEnqueued, now });
}

/** Counts the owner's queued tasks, up to `limit`. */
async function countQueuedTasks(db: Database, ownerId: UserId, limit: number): Promise<number> {
  const isQueued = and(eq(tasks.status, "queued"), eq(projects.ownerId, ownerId));
  const found = await db
    .select({ id: tasks.id })
    .from(tasks)
    .innerJoin(projects, eq(projects.id, tasks.projectId))
    .where(isQueued)
    .limit(limit);
  return found.length;
}

/** The owner's nodes that are not destroyed. */
export async function listNodeCapacity(db: Database, ownerId: UserId): Promise<readonly NodeCapacity[]> {
  return db
    .select({
      id: nodes.id,
      size: nodes.size,
      state: nodes.state,
      slots: nodes.slots,
      taken: nodes.taken,
      unreachableSince: nodes.unreachableSince,
      maxLifetimeAt: nodes.maxLifetimeAt,
    })
    .from(nodes)
    .where(and(eq(nodes.ownerId, ownerId), ne(nodes.state, "destroyed")));
}

/** The first tasks that wait for a slot and whose runs still poll. */
export async function listFirstQueued(
  db: Database,
  { ownerId, size }: Pick<OwnedQueueEntry, "ownerId" | "size">,
  limit: number,
  now: Millis,
): Promise<readonly QueueRow[]> {
  return db
    .select()
    .from(taskQueue)
    .where(
      and(
        eq(taskQueue.ownerId, ownerId),
        eq(taskQueue.code, "capacity"),
        eq(taskQueue.size, size),
        gt(taskQueue.polledAt, now - STALE_ENTRY_MS),
      ),
    )
    .orderBy(asc(taskQueue.rank), asc(taskQueue.queuedAt), asc(taskQueue.taskId))
    .limit(limit);
}

/** Inserts or renews the task's entry, unless the task is no longer queued for this run. Returns whether the entry is new or its reason changed. */
export async function enqueueTask(
  db: Database,
  { taskId, runId, ownerId, size, rank, queuedAt }: OwnedQueueEntry,
  { code, blockedBy }: Extract<DequeueDecision, { kind: "wait" }>,
  now: Millis,
): Promise<boolean> {
  const blocked = JSON.stringify(blockedBy);
  const [[before]] = await db.batch([
    db.select().from(taskQueue).where(eq(taskQueue.taskId, taskId)),
    db
      .insert(taskQueue)
      .select(
        sql`SELECT ${taskId}, ${ownerId}, ${runId}, ${size}, ${code}, ${blocked}, ${rank}, ${queuedAt}, ${now}
          WHERE EXISTS (SELECT 1 FROM tasks WHERE id = ${taskId} AND run_id = ${runId} AND status = 'queued')`,
      )
      .onConflictDoUpdate({
        target: taskQueue.taskId,
        set: { runId, size, code, blockedBy: [...blockedBy], rank, queuedAt, polledAt: now },
      }),
  ]);
  return before?.code !== code || before.rank !== rank || JSON.stringify(before.blockedBy) !== blocked;
}

/** Returns whether the task had an entry. */
export async function dequeueTask(db: Database, taskId: TaskId): Promise<boolean> {
  const gone = await db.delete(taskQueue).where(eq(taskQueue.taskId, taskId)).returning({ id: taskQueue.taskId });
  return gone.length > 0;
}

type WaitingTask = Pick<TaskRecord, "id" | "status" | "projectId">;

/** Explains why each of these tasks of one owner waits; tasks that do not wait are absent. */
export async function explainWaiting(
  { db, config, clock }: Pick<Deps, "db" | "config" | "clock">,
  candidates: readonly WaitingTask[],
): Promise<ReadonlyMap<TaskId, TaskWaiting>> {
  const queued = candidates.filter((task) => task.status === "queued").map((task) => task.id);
  const rows = queued.length === 0 ? [] : await listQueueRows(db, queued);
  const ownerId = rows[0]?.ownerId;
  if (ownerId === undefined) return new Map();
  const [positions, alive, known, reached] = await Promise.all([
    rows.some((row) => row.code === "capacity") ? listPositions(db, ownerId, queued, clock.now()) : [],
    db.$count(nodes, and(eq(nodes.ownerId, ownerId), ne(nodes.state, "destroyed"))),
    findBlockers(db, rows),
    findReachedLimits(db, ownerId, rows, candidates, clock.now()),
  ]);
  const first = positions.filter((position) => position.ahead < MAX_NAMED).toSorted((a, b) => a.ahead - b.ahead);
  return new Map(
    rows.map((row): [TaskId, TaskWaiting] => {
      const ahead =
        row.code === "capacity" ? (positions.find((position) => position.taskId === row.taskId)?.ahead ?? 0) : 0;
      const next = first.filter((position) => position.size === row.size && position.ahead < ahead);
      const blockers = row.blockedBy.map((id) => known.get(id) ?? { title: null, status: null });
      const facts = {
        ahead,
        aliveNodes: alive,
        maxNodes: config.MAX_NODES_PER_USER,
        blockers,
        reached: reached.get(row.taskId) ?? null,
      };
      const taskIds =
        row.code === "capacity" ? next.map((position) => position.taskId) : row.blockedBy.slice(0, MAX_NAMED);
      return [
        row.taskId,
        { code: row.code, message: formatWaiting(row.code, facts), since: row.queuedAt, ahead, taskIds },
      ];
    }),
  );
}

/** Today's limit for each task that waits for it. */
async function findReachedLimits(
  db: Database,
  ownerId: UserId,
  rows: readonly QueueRow[],
  candidates: readonly WaitingTask[],
  now: Millis,
): Promise<ReadonlyMap<TaskId, ReachedLimit | null>> {
  const waiting = new Set(rows.filter(({ code }) => code === "budget").map(({ taskId }) => taskId));
  const found = candidates
    .filter(({ id }) => waiting.has(id))
    .map(async ({ id, projectId }) => [id, await findReachedDayLimit(db, { ownerId, projectId }, now)] as const);
  return new Map(await Promise.all(found));
}

const listQueueRows = (db: Database, ids: readonly TaskId[]): Promise<QueueRow[]> =>
  db
    .select()
    .from(taskQueue)
    .where(sql`${taskQueue.taskId} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);

interface PositionRow {
  readonly taskId: TaskId;
  readonly size: VmSize;
  readonly ahead: number;
}

/** The positions of these tasks, and the first of each size. */
async function listPositions(
  db: Database,
  ownerId: UserId,
  ids: readonly TaskId[],
  now: Millis,
): Promise<readonly PositionRow[]> {
  return db.all<PositionRow>(sql`
    SELECT taskId, size, ahead FROM (
      SELECT task_id AS taskId, size,
        row_number() OVER (PARTITION BY size ORDER BY rank, queued_at, task_id) - 1 AS ahead
      FROM task_queue WHERE owner_id = ${ownerId} AND code = 'capacity' AND polled_at > ${now - STALE_ENTRY_MS})
    WHERE ahead < ${MAX_NAMED} OR taskId IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
}

type Blocker = Pick<TaskRecord, "title" | "status">;

async function findBlockers(db: Database, rows: readonly QueueRow[]): Promise<ReadonlyMap<TaskId, Blocker>> {
  const ids = [...new Set(rows.flatMap((row) => row.blockedBy))];
  if (ids.length === 0) return new Map();
  const found = await db
    .select({ id: tasks.id, title: tasks.title, status: tasks.status })
    .from(tasks)
    .where(sql`${tasks.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
  return new Map(found.map(({ id, ...blocker }) => [id, blocker]));
}
