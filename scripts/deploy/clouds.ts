/** The clouds for nodes, of which a person gave tokens, through the same seam as the Worker's. */
import { settings as workerSettings } from "@samovar/api/config";
import { type CloudSecret, createProvider } from "@samovar/api/providers/create-provider";
import type { Provider } from "@samovar/providers";
import * as z from "zod";
import type { DeploymentSettings } from "./deployment-settings.ts";

const { shape } = workerSettings;
const cloudSettings = z.object({
  HETZNER_API_URL: shape.HETZNER_API_URL,
  HETZNER_IMAGE: shape.HETZNER_IMAGE,
  HETZNER_LOCATION: shape.HETZNER_LOCATION,
  HETZNER_SSH_KEY: shape.HETZNER_SSH_KEY,
  DIGITALOCEAN_API_URL: shape.DIGITALOCEAN_API_URL,
  DIGITALOCEAN_IMAGE: shape.DIGITALOCEAN_IMAGE,
  DIGITALOCEAN_REGION: shape.DIGITALOCEAN_REGION,
  DIGITALOCEAN_SSH_KEY: shape.DIGITALOCEAN_SSH_KEY,
});

export interface Cloud {
  /** The variable that holds its token. */
  readonly variable: string;
  readonly provider: Provider;
}

export function getCloudSecrets({ HETZNER_TOKEN, DIGITALOCEAN_TOKEN }: DeploymentSettings): readonly CloudSecret[] {
  return [
    ...(HETZNER_TOKEN === null ? [] : [{ kind: "hetzner", token: HETZNER_TOKEN } as const]),
    ...(DIGITALOCEAN_TOKEN === null ? [] : [{ kind: "digitalocean", token: DIGITALOCEAN_TOKEN } as const]),
  ];
}

/** `given`: the Worker's settings that a person gave. */
export function openClouds(
  settings: DeploymentSettings,
  given: Readonly<Record<string, string>>,
  installationId: string,
): readonly Cloud[] {
  const config = { ...cloudSettings.parse(given), INSTALLATION_ID: installationId };
  return getCloudSecrets(settings).map((secret) => ({
    variable: `${secret.kind.toUpperCase()}_TOKEN`,
    provider: createProvider(config, secret),
  }));
}
