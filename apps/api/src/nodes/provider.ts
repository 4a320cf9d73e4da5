/** A person's clouds, through their stored credentials. */
import type { UserId } from "@samovar/base";
import type { ProviderName } from "@samovar/contracts";
import type { Provider } from "@samovar/providers";
import type { Config } from "../config.ts";
import { listCredentialNames, readCredential } from "../credentials/store.ts";
import { database } from "../database/index.ts";
import type { Env } from "../env.ts";
import { chooseProvider } from "../providers/choose-provider.ts";
import { createProvider } from "../providers/create-provider.ts";

/** Null if the owner has stored no credential for it. */
export async function findOwnersProvider(
  env: Env,
  config: Config,
  ownerId: UserId,
  name: ProviderName,
): Promise<Provider | null> {
  const secret = await readCredential(env, ownerId, name);
  return secret?.kind === "hetzner" || secret?.kind === "digitalocean" ? createProvider(config, secret) : null;
}

/** Where the owner's next node is created; null if the owner has stored no credential for an allowed provider. */
export async function chooseOwnersProvider(env: Env, config: Config, ownerId: UserId): Promise<ProviderName | null> {
  return chooseProvider(config, await listCredentialNames(database(env), ownerId));
}
