/** Destroys nodes whose server no longer exists at the provider; their tasks fail with that reason. Keeps N1, T1. */
import type { Millis } from "@samovar/base";
import { and, eq, inArray, isNotNull, lt } from "drizzle-orm";
import { nodes } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { forEachCloud } from "./providers.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** A server younger than this may not be listed yet. */
const SETTLED_MS = 5 * 60_000;

export async function sweepGoneServers(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  const { db, env, logger } = deps;
  let found = 0;
  let acted = 0;
  const uncertain: string[] = [];
  await forEachCloud(deps, async ({ ownerId, provider, servers }) => {
    const listed = new Set(servers.map((server) => server.id));
    const rows = await db
      .select({ id: nodes.id, serverId: nodes.serverId })
      .from(nodes)
      .where(
        and(
          eq(nodes.ownerId, ownerId),
          eq(nodes.provider, provider.name),
          inArray(nodes.state, ["provisioning", "active", "warm", "draining"]),
          isNotNull(nodes.serverId),
          lt(nodes.createdAt, now - SETTLED_MS),
        ),
      );
    for (const { id, serverId } of rows) {
      if (serverId === null || listed.has(serverId)) continue;
      if (found === PER_SWEEP) break;
      found++;
      const again = await provider.getServer(serverId);
      if (!again.ok) uncertain.push(`${id}: ${again.error.message}`);
      if (!again.ok || again.value !== null) continue;
      logger.warn("sweep.server_gone", { nodeId: id, serverId });
      await getNodeObject(env, id).destroy("The provider no longer has this server.");
      acted++;
    }
  });
  if (uncertain.length > 0) throw new Error(uncertain.join("; "));
  return { found, acted };
}
