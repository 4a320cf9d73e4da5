/** A pending effect of the node's object: wakes queued runs when slots become available. Pending until the queue was read. */
import { errorMessage } from "@samovar/base";
import type { Clock, Logger, UserId } from "@samovar/base";
import type { Config } from "../../config.ts";
import { database } from "../../database/index.ts";
import type { Deps } from "../../deps.ts";
import type { Env } from "../../env.ts";
import type { NodeStorage } from "./storage.ts";

/** Wakes as many of the owner's queued runs as have capacity now. Throws when the queue cannot be read. */
export type WakeQueue = (
  deps: Pick<Deps, "env" | "config" | "db" | "clock" | "logger">,
  ownerId: UserId,
) => Promise<void>;

export interface QueueWakeDeps {
  readonly env: Env;
  readonly config: Config;
  readonly storage: NodeStorage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Nodes may not import tasks, so the composition root passes it in. */
  readonly wakeQueue: WakeQueue;
}

/** Call it once the node's row has the available slots, because the woken runs read them there. Returns whether nothing is pending any more. */
export async function flushQueueWake({
  env,
  config,
  storage,
  clock,
  logger,
  wakeQueue,
}: QueueWakeDeps): Promise<boolean> {
  const node = storage.node();
  const [pending] = storage.pendingQueueWakes();
  if (pending === undefined || node === null) return true;
  try {
    await wakeQueue({ env, config, db: database(env), clock, logger }, node.identity.ownerId);
    storage.removeQueueWake(pending.stamp);
    return true;
  } catch (error) {
    logger.warn("queue.wake_failed", { error: errorMessage(error) });
    storage.countQueueWakeAttempt();
    return false;
  }
}
