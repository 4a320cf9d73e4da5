/**
 * The line in D1: a row for each queued task that waits, as its run last saw it. What people are told of it is made
 * when they ask. Keeps T1: a row goes when its task is placed or is queued no more.
 */
import type { Millis, NodeId, RunId, TaskId, UserId } from "@samovar/base";
import type { TaskWaiting, VmSize } from "@samovar/contracts";
import { decideDequeue, countAvailableSlots, STALE_ENTRY_MS, formatWaiting } from "@samovar/domain/task-queue";
import type { NodeCapacity, QueueEntry, DequeueDecision } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, asc, eq, gt, ne, sql } from "drizzle-orm";
import type { Database } from "../database/index.ts";
import { nodes, projects, taskQueue, tasks } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { dependenciesOf } from "./dependencies.ts";

export interface InLine extends QueueEntry {
  readonly runId: RunId;
  readonly ownerId: UserId;
  readonly size: VmSize;
}

type QueueRow = typeof taskQueue.$inferSelect;

/** More than this many need not be named. */
const NAMED = 20;

/** Whether this task may take room now. Reads no more of the line than there is room. */
export async function lookAtLine(
  { db, config }: Deps,
  self: InLine,
  task: TaskRecord,
  avoid: readonly NodeId[],
  now: Millis,
  stands: boolean,
): Promise<DequeueDecision> {
  const dependencies = await dependenciesOf(db, task.dependsOn);
  const limits = { size: self.size, maxNodes: config.MAX_NODES_PER_USER, slotsPerNode: config.NODE_SLOTS, avoid };
  const room = countAvailableSlots(await nodesOf(db, self.ownerId), limits, now);
  // One more than there is room: this task's own row may be among them.
  const line = await firstInLine(db, self, room + 1, now);
  const wanting = stands ? 0 : await queuedTasks(db, self.ownerId, room + 1);
  const facts = { availableSlots: room, queue: line, queuedTasks: wanting, isEnqueued: stands };
  return decideDequeue({ self, dependencies, ...facts, now });
}

/** How many of the owner's tasks are queued; counts to `limit`. */
async function queuedTasks(db: Database, ownerId: UserId, limit: number): Promise<number> {
  const mine = and(eq(tasks.status, "queued"), eq(projects.ownerId, ownerId));
  const found = await db
    .select({ id: tasks.id })
    .from(tasks)
    .innerJoin(projects, eq(projects.id, tasks.projectId))
    .where(mine)
    .limit(limit);
  return found.length;
}

/** The owner's nodes that are not destroyed. */
export async function nodesOf(db: Database, ownerId: UserId): Promise<readonly NodeCapacity[]> {
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

/** The first of those who wait for room and are still there. */
export async function firstInLine(
  db: Database,
  { ownerId, size }: Pick<InLine, "ownerId" | "size">,
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

/** Takes or renews a place; nothing happens when the task is not queued for this run any more. Answers whether it is new, or waits for something else than before. */
export async function standInLine(
  db: Database,
  { taskId, runId, ownerId, size, rank, queuedAt }: InLine,
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

/** Whether there was a place. */
export async function leaveLine(db: Database, taskId: TaskId): Promise<boolean> {
  const gone = await db.delete(taskQueue).where(eq(taskQueue.taskId, taskId)).returning({ id: taskQueue.taskId });
  return gone.length > 0;
}

type Waiter = Pick<TaskRecord, "id" | "status">;

/** Why each of these tasks waits; those that do not are absent. All are one owner's. */
export async function waitingOf(
  { db, config, clock }: Pick<Deps, "db" | "config" | "clock">,
  those: readonly Waiter[],
): Promise<ReadonlyMap<TaskId, TaskWaiting>> {
  const queued = those.filter((task) => task.status === "queued").map((task) => task.id);
  const rows = queued.length === 0 ? [] : await rowsOf(db, queued);
  const ownerId = rows[0]?.ownerId;
  if (ownerId === undefined) return new Map();
  const [places, alive, known] = await Promise.all([
    rows.some((row) => row.code === "capacity") ? placesOf(db, ownerId, queued, clock.now()) : [],
    db.$count(nodes, and(eq(nodes.ownerId, ownerId), ne(nodes.state, "destroyed"))),
    blockersOf(db, rows),
  ]);
  const firsts = places.filter((place) => place.ahead < NAMED).toSorted((a, b) => a.ahead - b.ahead);
  return new Map(
    rows.map((row): [TaskId, TaskWaiting] => {
      const ahead = row.code === "capacity" ? (places.find((place) => place.taskId === row.taskId)?.ahead ?? 0) : 0;
      const next = firsts.filter((place) => place.size === row.size && place.ahead < ahead);
      const blockers = row.blockedBy.map((id) => known.get(id) ?? { title: null, status: null });
      const facts = { ahead, aliveNodes: alive, maxNodes: config.MAX_NODES_PER_USER, blockers };
      const taskIds = row.code === "capacity" ? next.map((place) => place.taskId) : row.blockedBy.slice(0, NAMED);
      return [
        row.taskId,
        { code: row.code, message: formatWaiting(row.code, facts), since: row.queuedAt, ahead, taskIds },
      ];
    }),
  );
}

const rowsOf = (db: Database, ids: readonly TaskId[]): Promise<QueueRow[]> =>
  db
    .select()
    .from(taskQueue)
    .where(sql`${taskQueue.taskId} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);

interface PlaceRow {
  readonly taskId: TaskId;
  readonly size: VmSize;
  readonly ahead: number;
}

/** The places of these tasks, and the first of each line. */
async function placesOf(
  db: Database,
  ownerId: UserId,
  ids: readonly TaskId[],
  now: Millis,
): Promise<readonly PlaceRow[]> {
  return db.all<PlaceRow>(sql`
    SELECT taskId, size, ahead FROM (
      SELECT task_id AS taskId, size,
        row_number() OVER (PARTITION BY size ORDER BY rank, queued_at, task_id) - 1 AS ahead
      FROM task_queue WHERE owner_id = ${ownerId} AND code = 'capacity' AND polled_at > ${now - STALE_ENTRY_MS})
    WHERE ahead < ${NAMED} OR taskId IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
}

type Blocker = Pick<TaskRecord, "title" | "status">;

async function blockersOf(db: Database, rows: readonly QueueRow[]): Promise<ReadonlyMap<TaskId, Blocker>> {
  const ids = [...new Set(rows.flatMap((row) => row.blockedBy))];
  if (ids.length === 0) return new Map();
  const found = await db
    .select({ id: tasks.id, title: tasks.title, status: tasks.status })
    .from(tasks)
    .where(sql`${tasks.id} IN (SELECT value FROM json_each(${JSON.stringify(ids)}))`);
  return new Map(found.map(({ id, ...blocker }) => [id, blocker]));
}
