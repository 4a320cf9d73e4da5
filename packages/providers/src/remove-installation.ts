/** Removes an installation from a cloud: every server with its label, then what they shared. Keeps N3. */
import { err, ok, type Result } from "@samovar/base";
import type { Provider, ProviderFault } from "./provider.ts";

export interface Removal {
  /** The names of the servers that were deleted. */
  readonly servers: readonly string[];
  /** What is still there after the last pass; empty when nothing is. */
  readonly remaining: readonly string[];
}

/**
 * Repeats until nothing is left, at most `passes` times: providers delete servers in the background, and keep a firewall
 * while a server uses it. `pause` runs between passes. Safe to call again.
 */
export async function removeInstallation(
  provider: Provider,
  pause: () => Promise<void>,
  passes = 60,
): Promise<Result<Removal, ProviderFault>> {
  const servers = new Set<string>();
  let remaining: readonly string[] = [];
  for (let pass = 0; pass < passes; pass++) {
    if (pass > 0) await pause();
    const listed = await provider.listServers({});
    if (!listed.ok) return listed;
    remaining = listed.value.map(({ name }) => name);
    for (const { id, name } of listed.value) {
      servers.add(name);
      const deleted = await provider.deleteServer(id);
      // A locked server can be deleted in a later pass.
      if (!deleted.ok && !deleted.error.retriable) return err(deleted.error);
    }
    if (listed.value.length > 0) continue;
    const shared = await provider.deleteSharedResources();
    if (!shared.ok) return shared;
    if (shared.value === "deleted") return ok({ servers: [...servers], remaining: [] });
    remaining = ["firewall"];
  }
  return ok({ servers: [...servers], remaining });
}
