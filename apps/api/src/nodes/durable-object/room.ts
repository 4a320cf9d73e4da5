/** A debt of the node's object: those who wait in line hear of room here. Owed until the line was read. */
import { errorMessage } from "@samovar/base";
import { database } from "../../database/index.ts";
import { wakeLine } from "../../tasks/wake.ts";
import type { OutwardDeps } from "./outward.ts";

/** Once the node's row tells of the room: those who are woken read it there. Answers whether nothing is owed any more. */
export async function payRoom({ env, config, storage, clock, logger }: OutwardDeps): Promise<boolean> {
  const node = storage.node();
  const [owed] = storage.owedRoom();
  if (owed === undefined || node === null) return true;
  try {
    await wakeLine({ env, config, db: database(env), clock, logger }, node.identity.ownerId);
    storage.roomTold(owed.stamp);
    return true;
  } catch (error) {
    logger.warn("room.wake_failed", { error: errorMessage(error) });
    storage.roomFailed();
    return false;
  }
}
