/** Looks for everything that a deployment needs before it changes anything: the tokens, their permissions, the domain's zone. */
import * as z from "zod";
import { type CloudflareApi, CloudflareError } from "./cloudflare-api.ts";
import type { Cloud } from "./clouds.ts";
import { DeployError } from "./deploy-error.ts";

export interface Zone {
  readonly id: string;
  readonly name: string;
}

interface Probe {
  readonly permission: string;
  readonly path: string;
}

/** Each is a harmless read. Whether a token may also write shows only when it does. */
const ACCOUNT_PROBES: readonly Probe[] = [
  { permission: "Account · Account Settings · Read", path: "{account}" },
  { permission: "Account · Workers Scripts · Edit", path: "{account}/workers/scripts" },
  { permission: "Account · D1 · Edit", path: "{account}/d1/database" },
];
const ZONE_PROBES = (zone: Zone): readonly Probe[] => [
  { permission: `Zone ${zone.name} · DNS · Edit`, path: `zones/${zone.id}/dns_records` },
  { permission: `Zone ${zone.name} · Workers Routes · Edit`, path: `zones/${zone.id}/workers/routes` },
];

/** Returns the domain's zone, null without a domain. Throws {@link DeployError} that names all that is missing. */
export async function checkAccess(
  api: CloudflareApi,
  clouds: readonly Cloud[],
  domain: string | null,
): Promise<Zone | null> {
  await requireToken(api);
  const zone = domain === null ? null : await findZone(api, domain);
  const probes = [...ACCOUNT_PROBES, ...(zone === null ? [] : ZONE_PROBES(zone))];
  const lacking = await Promise.all(probes.map((probe) => isForbidden(api, probe)));
  const faults = probes
    .filter((_probe, at) => lacking[at])
    .map(({ permission }) => `Cloudflare's token lacks: ${permission}`);
  if (domain !== null && zone === null)
    faults.push(
      `${domain} is in no zone that Cloudflare's token can read: add the zone to the account, and Zone · Zone · Read to the token`,
    );
  faults.push(...(await Promise.all(clouds.map(checkCloud))).flat());
  if (faults.length > 0)
    throw new DeployError(
      `Something is missing:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
      "Nothing was changed. Correct it, then run the same command again.",
    );
  return zone;
}

const anything = z.unknown();

/** A token belongs to a person or to the account, and only one of these addresses knows it. */
async function requireToken(api: CloudflareApi): Promise<void> {
  for (const path of ["user/tokens/verify", "{account}/tokens/verify"]) {
    try {
      const { status } = await api.call("GET", path, z.object({ status: z.string() }));
      if (status === "active") return;
    } catch (error) {
      if (!(error instanceof CloudflareError) || error.status >= 500) throw error;
    }
  }
  throw new DeployError(
    "Cloudflare does not accept CLOUDFLARE_API_TOKEN.",
    "Create a token as docs/self-hosting.md describes, for the account of CLOUDFLARE_ACCOUNT_ID. Nothing was changed.",
  );
}

async function isForbidden(api: CloudflareApi, { path }: Probe): Promise<boolean> {
  try {
    await api.call("GET", path, anything);
    return false;
  } catch (error) {
    if (error instanceof CloudflareError && error.isForbidden) return true;
    throw error;
  }
}

const zones = z.array(z.object({ id: z.string(), name: z.string() }));

/** The zone with the longest name that the domain is in. */
export async function findZone(api: CloudflareApi, domain: string): Promise<Zone | null> {
  const labels = domain.split(".");
  for (let from = 0; from <= labels.length - 2; from++) {
    const name = labels.slice(from).join(".");
    const [found] = await api.call("GET", `zones?name=${name}`, zones).catch((error: unknown) => {
      if (error instanceof CloudflareError && error.isForbidden) return [];
      throw error;
    });
    if (found !== undefined) return found;
  }
  return null;
}

/** What is wrong with it, if anything. */
async function checkCloud({ variable, provider }: Cloud): Promise<readonly string[]> {
  const listed = await provider.listServers({});
  if (listed.ok) return [];
  const { kind, message } = listed.error;
  return [kind === "unauthorized" ? `${provider.name} does not accept ${variable}` : `${provider.name}: ${message}`];
}
