/**
 * The installation's firewall at DigitalOcean: no inbound connections, all outbound ones. It applies to the installation's tag,
 * so a droplet is behind it from its creation. Names of firewalls are unique in an account. Keeps N3.
 */
import { err, ok, type Result } from "@samovar/base";
import * as z from "zod";
import { toFirewallName } from "../labels.ts";
import { type ProviderFault, SERVER_LABELS } from "../provider.ts";
import type { Transport } from "../transport.ts";
import { makeFault } from "./faults.ts";
import { type Firewall, firewallPage, firewallReply, tagReply } from "./schemas.ts";
import { toTag } from "./tags.ts";

const ANYWHERE = ["0.0.0.0/0", "::/0"] as const;
/** Without outbound rules everything would be blocked. ICMP has no ports. */
const OUTBOUND = [
  { protocol: "tcp", ports: "all", destinations: { addresses: ANYWHERE } },
  { protocol: "udp", ports: "all", destinations: { addresses: ANYWHERE } },
  { protocol: "icmp", destinations: { addresses: ANYWHERE } },
];
/** The ways in which an answer writes "all ports". */
const ALL_PORTS: ReadonlySet<string> = new Set(["0", "all", "1-65535"]);

/** Finds it by name and repairs it, or creates it. */
export async function ensureFirewall(http: Transport, installationId: string): Promise<Result<null, ProviderFault>> {
  const found = await findFirewall(http, installationId);
  if (!found.ok) return found;
  if (found.value !== null) return repair(http, found.value, installationId);
  const tag = toInstallationTag(installationId);
  const tagged = await ensureTag(http, tag);
  if (!tagged.ok) return tagged;
  const made = await http.send("POST", "/firewalls", firewallReply, toDefinition(installationId, []));
  if (made.ok) return ok(null);
  const { fault, ambiguous } = made.error;
  if (!ambiguous && fault.kind !== "conflict") return err(fault);
  // Created by another call, or by this one with its answer lost.
  const other = await findFirewall(http, installationId);
  if (!other.ok) return other;
  return other.value === null ? err(fault) : repair(http, other.value, installationId);
}

/** Also succeeds if it is already deleted. */
export async function deleteFirewall(
  http: Transport,
  installationId: string,
): Promise<Result<"deleted", ProviderFault>> {
  const found = await findFirewall(http, installationId);
  if (!found.ok) return found;
  if (found.value === null || !isOurs(found.value, installationId)) return ok("deleted");
  const deleted = await http.send("DELETE", `/firewalls/${encodeURIComponent(found.value.id)}`, z.unknown());
  return deleted.ok || deleted.error.fault.code === "not_found" ? ok("deleted") : err(deleted.error.fault);
}

export const toInstallationTag = (installationId: string): string => toTag(SERVER_LABELS.installation, installationId);

async function findFirewall(http: Transport, installationId: string): Promise<Result<Firewall | null, ProviderFault>> {
  const listed = await http.listAll("/firewalls", {}, firewallPage);
  if (!listed.ok) return listed;
  return ok(listed.value.find(({ name }) => name === toFirewallName(installationId)) ?? null);
}

/** A firewall names only tags that exist. */
async function ensureTag(http: Transport, name: string): Promise<Result<null, ProviderFault>> {
  const made = await http.send("POST", "/tags", tagReply, { name });
  if (made.ok) return ok(null);
  const known = await http.send("GET", `/tags/${encodeURIComponent(name)}`, tagReply);
  return known.ok ? ok(null) : err(made.error.fault);
}

async function repair(
  http: Transport,
  firewall: Firewall,
  installationId: string,
): Promise<Result<null, ProviderFault>> {
  if (!isOurs(firewall, installationId)) {
    const reason = `a firewall named ${firewall.name} exists that does not apply to the tag ${toInstallationTag(installationId)}; rename it or delete it`;
    return err(makeFault("conflict", "firewall_name_taken", reason, { retriable: false }));
  }
  if (isClosed(firewall)) return ok(null);
  const definition = toDefinition(installationId, firewall.droplet_ids ?? []);
  const set = await http.send("PUT", `/firewalls/${encodeURIComponent(firewall.id)}`, firewallReply, definition);
  return set.ok ? ok(null) : err(set.error.fault);
}

const isOurs = ({ tags }: Firewall, installationId: string): boolean =>
  tags.includes(toInstallationTag(installationId));

/** Whether it blocks everything inbound and allows everything outbound. */
function isClosed({ inbound_rules: inbound, outbound_rules: outbound }: Firewall): boolean {
  const allows = (protocol: string) =>
    (outbound ?? []).some(
      (rule) =>
        rule.protocol === protocol &&
        (protocol === "icmp" || ALL_PORTS.has(rule.ports ?? "")) &&
        ANYWHERE.every((address) => rule.destinations?.addresses?.includes(address) === true),
    );
  const isDenied = (outbound ?? []).some(({ action }) => action === "deny");
  return (inbound ?? []).length === 0 && !isDenied && OUTBOUND.every(({ protocol }) => allows(protocol));
}

const toDefinition = (installationId: string, dropletIds: readonly number[]) => ({
  name: toFirewallName(installationId),
  inbound_rules: [],
  outbound_rules: OUTBOUND,
  droplet_ids: dropletIds,
  tags: [toInstallationTag(installationId)],
});
