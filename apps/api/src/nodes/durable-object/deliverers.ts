/**
 * A pending effect of the node's object: informs the projects' objects which of its workspaces may deliver, when one gets
 * its slot and when it loses it. So a delivery reaches one object only, which knows the answer. Retried until it is known there.
 */
import type { Logger } from "@samovar/base";
import type { Env } from "../../env.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import type { NodeStorage } from "./storage.ts";

export interface DeliverersDeps {
  readonly env: Env;
  readonly storage: NodeStorage;
  readonly logger: Logger;
}

/** Returns whether nothing is pending any more. */
export async function flushDeliverers({ env, storage, logger }: DeliverersDeps): Promise<boolean> {
  const node = storage.node();
  if (node === null) return true;
  const { epoch, nodeId } = node.record;
  for (const pending of storage.pendingDeliverers()) {
    const { lease, deliverUntil, stamp } = pending;
    const { workspaceId, sessionId, projectId } = lease;
    try {
      const deliverer = { workspaceId, nodeId, sessionId, epoch, deliverUntil, stamp };
      await getProjectData({ env }, projectId).setDeliverer(deliverer);
      storage.markDelivererReported(pending);
    } catch (error) {
      logger.warn("deliverer.report_failed", { workspaceId, error });
      storage.countDelivererAttempt(pending);
    }
  }
  return storage.pendingDeliverers().length === 0;
}
