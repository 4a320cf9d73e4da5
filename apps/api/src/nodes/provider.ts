/** A person's cloud provider, through their stored credential. */
import type { UserId } from "@samovar/base";
import type { Provider } from "@samovar/providers";
import { createHetznerProvider } from "@samovar/providers";
import type { Config } from "../config.ts";
import { readCredential } from "../credentials/store.ts";
import type { Env } from "../env.ts";

/** Null if the owner has stored no credential for a provider. */
export async function findOwnersProvider(env: Env, config: Config, ownerId: UserId): Promise<Provider | null> {
  const secret = await readCredential(env, ownerId, "hetzner");
  if (secret?.kind !== "hetzner") return null;
  return createHetznerProvider({
    baseUrl: config.HETZNER_API_URL,
    token: secret.token,
    installationId: config.INSTALLATION_ID,
    fetch: (url, init) => fetch(url, init),
  });
}
