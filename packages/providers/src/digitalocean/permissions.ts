/**
 * The scopes that a DigitalOcean token needs, each with a call that is refused as forbidden without it. Writes are
 * incomplete or concern what does not exist, so they change nothing.
 */
import { err, ok, type Result } from "@samovar/base";
import * as z from "zod";
import type { ProviderFault } from "../provider.ts";
import type { Transport } from "../transport.ts";

type Probe = readonly [scope: string, method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object];

/** Ids that do not exist: droplets count from 1, and this is the nil UUID. */
const NO_DROPLET = "0";
const NO_FIREWALL = "00000000-0000-0000-0000-000000000000";
const NO_TAG = "samovar-permission-check:none";

const PROBES: readonly Probe[] = [
  ["droplet:read", "GET", "/droplets?per_page=1"],
  ["droplet:create", "POST", "/droplets", {}],
  ["droplet:delete", "DELETE", `/droplets/${NO_DROPLET}`],
  ["sizes:read", "GET", "/sizes?per_page=1"],
  ["tag:read", "GET", "/tags?per_page=1"],
  ["tag:create", "POST", "/tags", {}],
  ["tag:delete", "DELETE", `/tags/${NO_TAG}`],
  ["firewall:read", "GET", "/firewalls?per_page=1"],
  ["firewall:create", "POST", "/firewalls", {}],
  ["firewall:update", "PUT", `/firewalls/${NO_FIREWALL}`, {}],
  ["firewall:delete", "DELETE", `/firewalls/${NO_FIREWALL}`],
];
const SSH_KEY_PROBE: Probe = ["ssh_key:read", "GET", "/account/keys?per_page=1"];

/** Throws nothing; a fault when the token itself is refused or DigitalOcean does not answer. */
export async function listMissingScopes(
  http: Transport,
  usesSshKey: boolean,
): Promise<Result<readonly string[], ProviderFault>> {
  const probes = usesSshKey ? [...PROBES, SSH_KEY_PROBE] : PROBES;
  const answers = await Promise.all(
    probes.map(async ([scope, method, path, body]) => ({
      scope,
      answer: await http.send(method, path, z.unknown(), body),
    })),
  );
  const missing: string[] = [];
  for (const { scope, answer } of answers) {
    if (answer.ok) continue;
    const { status, fault } = answer.error;
    if (status === 403) missing.push(scope);
    else if (fault.kind === "unauthorized" || fault.kind === "unavailable" || fault.kind === "rate_limited")
      return err(fault);
  }
  return ok(missing);
}
