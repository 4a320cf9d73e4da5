/**
 * A pending effect of the node's object: what runs have metered, stored until D1 has it. Written at most every few seconds
 * for each run, and at once when the session has ended, so that the end of its run shows the whole cost. Each report has
 * everything so far.
 */
import { backoffMs } from "@samovar/base";
import type { Clock, Logger, Millis } from "@samovar/base";
import type { BudgetScope } from "../../budgets/limits.ts";
import { recordMetered } from "../../budgets/record.ts";
import type { MeteredRun } from "../../budgets/record.ts";
import type { Config } from "../../config.ts";
import { database } from "../../database/index.ts";
import type { Deps } from "../../deps.ts";
import type { Env } from "../../env.ts";
import type { NodeStorage, PendingMetering } from "./storage.ts";

/** Shows what a task has spent, and ends runs whose limits are reached. Best effort: runs find out by themselves, too. */
export type OnSpent = (
  deps: Pick<Deps, "env" | "config" | "db" | "clock" | "logger">,
  spent: BudgetScope & Pick<MeteredRun, "taskId">,
) => Promise<void>;

export interface MeteringDeps {
  readonly env: Env;
  readonly config: Config;
  readonly storage: NodeStorage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Nodes may not import tasks, so the composition root passes it in. */
  readonly onSpent: OnSpent;
}

/** The least time between two writes for one run; D1 is paid by the row. */
export const WRITE_EVERY_MS = 5_000;
const RETRY = { initialMs: 500, maxMs: 60_000 };
/** After this many attempts (about half a day) it gives up; the session's next report has the sum again. */
const MAX_ATTEMPTS = 720;

/** Writes what is due. Returns when the next write is due; null when nothing is pending. */
export async function flushMetering(deps: MeteringDeps): Promise<Millis | null> {
  const { storage, clock } = deps;
  const now = clock.now();
  for (const pending of storage.pendingMetering()) {
    if (pending.dueAt <= now) await flush(deps, pending, now);
  }
  const due = storage.pendingMetering().map(({ dueAt }) => dueAt);
  return due.length === 0 ? null : Math.min(...due);
}

async function flush(deps: MeteringDeps, pending: PendingMetering, now: Millis): Promise<void> {
  const { env, config, storage, clock, logger, onSpent } = deps;
  const { lease, metered } = pending;
  const ownerId = storage.node()?.identity.ownerId;
  if (ownerId === undefined) return;
  const { workspaceId, taskId, projectId } = lease;
  // A workspace that a person made has no task to count for.
  if (taskId === null) return storage.markMeteringWritten(pending, now);
  const db = database(env);
  let isNew = false;
  try {
    isNew = await recordMetered(db, { workspaceId, taskId, projectId, ownerId }, metered, now);
    storage.markMeteringWritten(pending, now + WRITE_EVERY_MS);
  } catch (error) {
    const hasGivenUp = pending.attempts >= MAX_ATTEMPTS;
    logger.warn("metering.write_failed", { workspaceId, hasGivenUp, error });
    if (hasGivenUp) storage.markMeteringWritten(pending, now + WRITE_EVERY_MS);
    else storage.countMeteringAttempt(pending, now + backoffMs(pending.attempts + 1, RETRY));
  }
  if (!isNew) return;
  try {
    await onSpent({ env, config, db, clock, logger }, { ownerId, projectId, taskId });
  } catch (error) {
    logger.warn("metering.notice_failed", { workspaceId, error });
  }
}
