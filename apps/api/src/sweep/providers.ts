/** Every provider for which an owner has a credential, whichever new nodes use, with all servers that have the label: a complete list or an error. */
import { errorMessage } from "@samovar/base";
import type { UserId } from "@samovar/base";
import type { Provider, Server } from "@samovar/providers";
import { PROVIDERS } from "@samovar/contracts";
import type { ProviderName } from "@samovar/contracts";
import { asc, inArray } from "drizzle-orm";
import { credentials } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { findOwnersProvider } from "../nodes/provider.ts";

export interface OwnersServers {
  readonly ownerId: UserId;
  readonly provider: Provider;
  readonly servers: readonly Server[];
}

/** Calls `work` for each provider whose list is complete. Throws the errors of the others afterwards. */
export async function forEachCloud(
  { db, env, config }: Deps,
  work: (cloud: OwnersServers) => Promise<void>,
): Promise<void> {
  const clouds = await db
    .select({ ownerId: credentials.ownerId, kind: credentials.kind })
    .from(credentials)
    .where(inArray(credentials.kind, [...PROVIDERS]))
    .orderBy(asc(credentials.ownerId), asc(credentials.kind));
  const faults: string[] = [];
  for (const { ownerId, kind } of clouds) {
    const name = PROVIDERS.find((each): each is ProviderName => each === kind);
    if (name === undefined) continue;
    try {
      const provider = await findOwnersProvider(env, config, ownerId, name);
      if (provider === null) continue;
      const listed = await provider.listServers({});
      if (!listed.ok) faults.push(`${ownerId}, ${name}: ${listed.error.code}: ${listed.error.message}`);
      else await work({ ownerId, provider, servers: listed.value });
    } catch (error) {
      faults.push(`${ownerId}, ${name}: ${errorMessage(error)}`);
    }
  }
  if (faults.length > 0) throw new Error(faults.join("; "));
}
