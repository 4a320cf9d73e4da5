/**
 * Wakes waiting runs: the first in the queue when slots become available, and the dependents of a task that has ended. A
 * signal only makes a run poll. Losing one costs time, because the run polls rarely by itself.
 */
import { errorMessage } from "@samovar/base";
import type { RunId, UserId } from "@samovar/base";
import { vmSize } from "@samovar/contracts";
import { countAvailableSlots } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, inArray, sql } from "drizzle-orm";
import { taskQueue } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { signalRun } from "./launch.ts";
import { listFirstQueued, listNodeCapacity } from "./queue.ts";

type WakeDeps = Pick<Deps, "env" | "config" | "db" | "clock" | "logger">;

/** Wakes as many of the owner's queued runs as there are available slots. Throws if the queue cannot be read. */
export async function wakeQueue(deps: WakeDeps, ownerId: UserId): Promise<void> {
  const { db, config, clock } = deps;
  const now = clock.now();
  const rows = await listNodeCapacity(db, ownerId);
  for (const size of vmSize.options) {
    const limits = { size, maxNodes: config.MAX_NODES_PER_USER, slotsPerNode: config.NODE_SLOTS, avoid: [] };
    const room = countAvailableSlots(rows, limits, now);
    const first = room === 0 ? [] : await listFirstQueued(db, { ownerId, size }, room, now);
    await signalAll(deps, first);
  }
}

/** Wakes the runs that wait for this task, which has ended or is retried. Never throws. */
export async function wakeDependents(deps: WakeDeps, { id, projectId }: TaskRecord): Promise<void> {
  try {
    const waiting = await deps.db
      .select({ runId: taskQueue.runId })
      .from(taskQueue)
      .where(
        and(
          sql`${taskQueue.ownerId} = (SELECT owner_id FROM projects WHERE id = ${projectId})`,
          inArray(taskQueue.code, ["dependencies", "dependency_failed"]),
          sql`EXISTS (SELECT 1 FROM json_each(${taskQueue.blockedBy}) WHERE value = ${id})`,
        ),
      );
    await signalAll(deps, waiting);
  } catch (error) {
    deps.logger.warn("queue.wake_failed", { taskId: id, error: errorMessage(error) });
  }
}

async function signalAll(deps: WakeDeps, runs: readonly { readonly runId: RunId }[]): Promise<void> {
  await Promise.all(runs.map(({ runId }) => signalRun(deps, runId)));
}
