/** Every cloud of this installation with all servers that have its label: a complete list or an error. */
import { errorMessage } from "@samovar/base";
import type { UserId } from "@samovar/base";
import type { Provider, Server } from "@samovar/providers";
import { eq } from "drizzle-orm";
import { credentials } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { findOwnersProvider } from "../nodes/provider.ts";

export interface OwnersServers {
  readonly ownerId: UserId;
  readonly provider: Provider;
  readonly servers: readonly Server[];
}

/** Calls `work` for each owner whose list is complete. Throws one owner's error after the others are done. */
export async function forEachCloud(
  { db, env, config }: Deps,
  work: (cloud: OwnersServers) => Promise<void>,
): Promise<void> {
  const owners = await db
    .select({ ownerId: credentials.ownerId })
    .from(credentials)
    .where(eq(credentials.kind, "hetzner"));
  const faults: string[] = [];
  for (const { ownerId } of owners) {
    try {
      const provider = await findOwnersProvider(env, config, ownerId);
      if (provider === null) continue;
      const listed = await provider.listServers({});
      if (!listed.ok) faults.push(`${ownerId}: ${listed.error.code}: ${listed.error.message}`);
      else await work({ ownerId, provider, servers: listed.value });
    } catch (error) {
      faults.push(`${ownerId}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
}
