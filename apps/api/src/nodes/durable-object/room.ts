/** A debt of the node's object: those who wait in line hear of room here. Owed until the line was read. */
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

export interface RoomDeps {
  readonly env: Env;
  readonly config: Config;
  readonly storage: NodeStorage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tasks stand above nodes: the composition root hands this in. */
  readonly wakeQueue: WakeQueue;
}

/** Once the node's row tells of the room: those who are woken read it there. Answers whether nothing is owed any more. */
export async function payRoom({ env, config, storage, clock, logger, wakeQueue }: RoomDeps): Promise<boolean> {
  const node = storage.node();
  const [owed] = storage.owedRoom();
  if (owed === undefined || node === null) return true;
  try {
    await wakeQueue({ env, config, db: database(env), clock, logger }, node.identity.ownerId);
    storage.roomTold(owed.stamp);
    return true;
  } catch (error) {
    logger.warn("room.wake_failed", { error: errorMessage(error) });
    storage.roomFailed();
    return false;
  }
}
