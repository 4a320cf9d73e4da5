/**
 * The installation's firewall at Hetzner: without rules it blocks inbound and allows outbound connections. Its name is unique in
 * the project, so two concurrent creations share one firewall. Keeps N3.
 */
import { err, ok, type Result } from "@samovar/base";
import { isOfInstallation, toFirewallName } from "../labels.ts";
import { type ProviderFault, SERVER_LABELS } from "../provider.ts";
import type { Transport } from "../transport.ts";
import { makeFault } from "./faults.ts";
import { firewallPage, firewallReply, type HetznerFirewall } from "./schemas.ts";
import * as z from "zod";

/** Returns the firewall's id. Finds it by label and repairs it, or creates it. */
export async function ensureFirewall(http: Transport, installationId: string): Promise<Result<number, ProviderFault>> {
  const found = await findFirewall(http, installationId);
  if (!found.ok) return found;
  if (found.value !== null) return repair(http, found.value);
  const name = toFirewallName(installationId);
  const labels = { [SERVER_LABELS.installation]: installationId };
  const made = await http.send("POST", "/firewalls", firewallReply, { name, labels, rules: [] });
  if (made.ok) return ok(made.value.firewall.id);
  const { fault, ambiguous } = made.error;
  if (!ambiguous && fault.kind !== "conflict") return err(fault);
  // Created by another call, or by this one with its answer lost.
  const named = await http.listAll("/firewalls", { name }, firewallPage);
  if (!named.ok) return named;
  const other = named.value.find((firewall) => firewall.name === name);
  if (other === undefined) return err(fault);
  if (isOfInstallation(other, installationId)) return repair(http, other);
  return err(
    makeFault(
      "conflict",
      "firewall_name_taken",
      `a firewall named ${name} exists that does not carry this installation's label; rename it or delete it`,
      { retriable: false },
    ),
  );
}

/** `in_use` while a server is behind it. Also succeeds if it is already deleted. */
export async function deleteFirewall(
  http: Transport,
  installationId: string,
): Promise<Result<"deleted" | "in_use", ProviderFault>> {
  const found = await findFirewall(http, installationId);
  if (!found.ok) return found;
  if (found.value === null) return ok("deleted");
  const deleted = await http.send("DELETE", `/firewalls/${found.value.id}`, z.unknown());
  if (deleted.ok || deleted.error.fault.code === "not_found") return ok("deleted");
  return deleted.error.fault.kind === "locked" ? ok("in_use") : err(deleted.error.fault);
}

async function findFirewall(
  http: Transport,
  installationId: string,
): Promise<Result<HetznerFirewall | null, ProviderFault>> {
  const selector = `${SERVER_LABELS.installation}=${installationId}`;
  const listed = await http.listAll("/firewalls", { label_selector: selector }, firewallPage);
  if (!listed.ok) return listed;
  return ok(listed.value.find((firewall) => isOfInstallation(firewall, installationId)) ?? null);
}

async function repair(http: Transport, { id, rules }: HetznerFirewall): Promise<Result<number, ProviderFault>> {
  if (rules.length === 0) return ok(id);
  const set = await http.send("POST", `/firewalls/${id}/actions/set_rules`, z.unknown(), { rules: [] });
  return set.ok ? ok(id) : err(set.error.fault);
}
