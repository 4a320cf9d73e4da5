/** Chooses the provider for a person's next node. Existing nodes stay where they are. */
import { PROVIDERS } from "@samovar/contracts";
import type { CredentialKind, ProviderName } from "@samovar/contracts";
import type { Config } from "../config.ts";

export const PROVIDER_TITLES: Readonly<Record<ProviderName, string>> = {
  hetzner: "Hetzner",
  digitalocean: "DigitalOcean",
};

/** The configured provider, else the first one with a credential; null without a credential. */
export function chooseProvider(
  { CLOUD_PROVIDER: named }: Pick<Config, "CLOUD_PROVIDER">,
  stored: { has(kind: CredentialKind): boolean },
): ProviderName | null {
  const allowed = named === undefined ? PROVIDERS : [named];
  return allowed.find((name) => stored.has(name)) ?? null;
}

/** For a person without a usable credential. */
export function describeMissingProvider({ CLOUD_PROVIDER: named }: Pick<Config, "CLOUD_PROVIDER">): {
  readonly kind: ProviderName;
  readonly message: string;
} {
  const wanted = named === undefined ? PROVIDERS : [named];
  const titles = wanted.map((name) => PROVIDER_TITLES[name]).join(" or ");
  return {
    kind: named ?? PROVIDERS[0],
    message: `No cloud credential is stored, so no node can be created. Store a token of ${titles} in the settings.`,
  };
}
