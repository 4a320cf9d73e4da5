/**
 * Deletes servers with this installation's label and no live node, and second servers of a node's name, after checking each once more. Leaves young ones alone,
 * and everything if a list is incomplete. Keeps N1, N3.
 */
import type { Millis } from "@samovar/base";
import type { Provider, Server } from "@samovar/providers";
import { SERVER_LABELS } from "@samovar/providers";
import { and, eq, inArray, ne } from "drizzle-orm";
import { nodes } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { forEachCloud } from "./providers.ts";
import { PER_SWEEP } from "./phase.ts";
import type { PhaseOutcome } from "./phase.ts";

/** D1 binds at most a hundred values. */
const CHUNK = 80;

export async function sweepUnknownServers(deps: Deps, now: Millis): Promise<PhaseOutcome> {
  let found = 0;
  let acted = 0;
  const refused: string[] = [];
  await forEachCloud(deps, async ({ provider, servers }) => {
    const old = servers.filter((server) => isOurs(deps, server) && isOld(deps, server, now));
    for (const server of await withoutNode(deps, provider, old)) {
      if (found === PER_SWEEP) break;
      found++;
      const refusal = await remove(deps, provider, server.id, now);
      if (refusal === null) acted++;
      else refused.push(`${server.name}: ${refusal}`);
    }
  });
  if (refused.length > 0) throw new Error(refused.join("; "));
  return { found, acted };
}

const isOurs = ({ config }: Deps, server: Server) =>
  server.labels[SERVER_LABELS.installation] === config.INSTALLATION_ID;
/** A server with an unreadable creation time counts as young. */
const isOld = ({ config }: Deps, server: Server, now: Millis) => now - server.createdAt > config.SWEEP_GRACE_MS;

async function withoutNode({ db }: Deps, provider: Provider, servers: readonly Server[]): Promise<readonly Server[]> {
  /** By name; null where the node does not know its server yet. */
  const known = new Map<string, string | null>();
  for (let start = 0; start < servers.length; start += CHUNK) {
    const names = servers.slice(start, start + CHUNK).map((server) => server.name);
    const rows = await db
      .select({ name: nodes.name, serverId: nodes.serverId })
      .from(nodes)
      .where(and(inArray(nodes.name, names), eq(nodes.provider, provider.name), ne(nodes.state, "destroyed")));
    for (const { name, serverId } of rows) known.set(name, serverId);
  }
  return servers.filter(({ id, name }) => {
    const serverId = known.get(name);
    return serverId === undefined || (serverId !== null && serverId !== id);
  });
}

/** Null if it is gone or being deleted; else why it was left. */
async function remove(deps: Deps, provider: Provider, id: string, now: Millis): Promise<string | null> {
  const again = await provider.getServer(id);
  if (!again.ok) return again.error.message;
  if (again.value === null) return null;
  if (!isOurs(deps, again.value) || !isOld(deps, again.value, now)) return "it changed while it was checked";
  if ((await withoutNode(deps, provider, [again.value])).length === 0) return null;
  deps.logger.warn("sweep.unknown_server", { serverId: id, name: again.value.name });
  const deleted = await provider.deleteServer(id);
  return deleted.ok ? null : deleted.error.message;
}
