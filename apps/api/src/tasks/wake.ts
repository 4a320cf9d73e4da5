/**
 * Wakes tasks that wait: the first of a line when there is room, and those that depended on a task that has ended.
 * A nudge only makes a run look. One that is lost costs time: the run looks by itself, rarely.
 */
import { errorMessage } from "@samovar/base";
import type { RunId, UserId } from "@samovar/base";
import { vmSize } from "@samovar/contracts";
import { countAvailableSlots } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, inArray, sql } from "drizzle-orm";
import { taskQueue } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { nudgeRun } from "./launch.ts";
import { firstInLine, nodesOf } from "./queue.ts";

type WakeDeps = Pick<Deps, "env" | "config" | "db" | "clock" | "logger">;

/** As many of the first as there is room for. Throws when the line cannot be read. */
export async function wakeLine(deps: WakeDeps, ownerId: UserId): Promise<void> {
  const { db, config, clock } = deps;
  const now = clock.now();
  const rows = await nodesOf(db, ownerId);
  for (const size of vmSize.options) {
    const limits = { size, maxNodes: config.MAX_NODES_PER_USER, slotsPerNode: config.NODE_SLOTS, avoid: [] };
    const room = countAvailableSlots(rows, limits, now);
    const first = room === 0 ? [] : await firstInLine(db, { ownerId, size }, room, now);
    await nudgeAll(deps, first);
  }
}

/** Those who wait for this task; it has ended, or is tried again. Never throws. */
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
    await nudgeAll(deps, waiting);
  } catch (error) {
    deps.logger.warn("line.wake_failed", { taskId: id, error: errorMessage(error) });
  }
}

async function nudgeAll(deps: WakeDeps, runs: readonly { readonly runId: RunId }[]): Promise<void> {
  await Promise.all(runs.map(({ runId }) => nudgeRun(deps, runId)));
}
