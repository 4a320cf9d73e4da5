/** At which provider a person's next node is created. Nodes that exist stay where they are. */
import { PROVIDERS } from "@samovar/contracts";
import type { CredentialKind, ProviderName } from "@samovar/contracts";
import type { Config } from "../config.ts";

export const PROVIDER_TITLES: Readonly<Record<ProviderName, string>> = {
  hetzner: "Hetzner",
  digitalocean: "DigitalOcean",
};

/** The one that the installation names, else the first for which there is a credential; null without a credential for it. */
export function chooseProvider(
  { CLOUD_PROVIDER: named }: Pick<Config, "CLOUD_PROVIDER">,
  stored: { has(kind: CredentialKind): boolean },
): ProviderName | null {
  const allowed = named === undefined ? PROVIDERS : [named];
  return allowed.find((name) => stored.has(name)) ?? null;
}

/** For a person without a credential that could be chosen. */
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
