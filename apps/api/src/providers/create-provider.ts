/** A cloud as the installation's settings and a person's token make it. */
import { assertNever } from "@samovar/base";
import type { CredentialSecret, ProviderName } from "@samovar/contracts";
import type { Provider } from "@samovar/providers";
import { createDigitalOceanProvider, createHetznerProvider } from "@samovar/providers";
import type { Config } from "../config.ts";

/** The settings that clouds need. */
export type CloudConfig = Pick<
  Config,
  | "INSTALLATION_ID"
  | `${"HETZNER" | "DIGITALOCEAN"}_${"API_URL" | "IMAGE" | "SSH_KEY"}`
  | "HETZNER_LOCATION"
  | "DIGITALOCEAN_REGION"
>;
export type CloudSecret = Extract<CredentialSecret, { readonly kind: ProviderName }>;

export function createProvider(config: CloudConfig, secret: CloudSecret): Provider {
  const shared = {
    token: secret.token,
    installationId: config.INSTALLATION_ID,
    fetch: (url: string, init: RequestInit) => fetch(url, init),
  };
  switch (secret.kind) {
    case "hetzner":
      return createHetznerProvider({
        ...shared,
        baseUrl: config.HETZNER_API_URL,
        image: config.HETZNER_IMAGE,
        locations: config.HETZNER_LOCATION ?? [],
        sshKey: config.HETZNER_SSH_KEY,
      });
    case "digitalocean":
      return createDigitalOceanProvider({
        ...shared,
        baseUrl: config.DIGITALOCEAN_API_URL,
        image: config.DIGITALOCEAN_IMAGE,
        regions: config.DIGITALOCEAN_REGION ?? [],
        sshKey: config.DIGITALOCEAN_SSH_KEY,
      });
    default:
      return assertNever(secret, "cloud credential");
  }
}
