/**
 * DigitalOcean. Its names are not unique, so a creation looks for the name first and, afterwards, keeps the oldest droplet
 * of that name. Labels are tags. Keeps N1 (an ambiguous creation is looked up and adopted) and N3 (nothing without our
 * label is deleted).
 */
import { err, ok, type Random, type Result, systemRandom } from "@samovar/base";
import { type SizeOffer, VM_SIZES } from "@samovar/contracts";
import * as z from "zod";
import { findUnusableLabel, hasLabels, isOfInstallation, type Labels } from "../labels.ts";
import { createAtFirstFree, type Offer, rankOffers, toSizeOffer } from "../placement.ts";
import { type Provider, type ProviderFault, type Server, SERVER_LABELS, type ServerSpec } from "../provider.ts";
import { createTransport, type HttpFetch } from "../transport.ts";
import { createDialect, makeFault } from "./faults.ts";
import { deleteFirewall, ensureFirewall, toInstallationTag } from "./firewall.ts";
import { listMissingScopes } from "./permissions.ts";
import { type Droplet, dropletPage, dropletReply, type Size, sizePage, sshKeyPage } from "./schemas.ts";
import { MAX_TAG_CHARS, toLabels, toTag, toTags } from "./tags.ts";

export interface DigitalOceanOptions {
  /** With its version, such as `https://api.digitalocean.com/v2`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Value of the installation's label; droplets without it are never touched. */
  readonly installationId: string;
  readonly fetch: HttpFetch;
  /** The slug of a public image, or the id of a snapshot. */
  readonly image?: string;
  /** Allowed regions; none means any. */
  readonly regions?: readonly string[];
  /** Name, id or fingerprint of an ssh key of the account; without one a password is mailed for each droplet. */
  readonly sshKey?: string | undefined;
  readonly random?: Random;
  readonly now?: () => number;
}

export function createDigitalOceanProvider(options: DigitalOceanOptions): Provider {
  const { installationId, image = "debian-12-x64", regions = [], sshKey, random = systemRandom } = options;
  const http = createTransport({ ...options, dialect: createDialect(options.now ?? Date.now) });

  async function createServer(spec: ServerSpec): Promise<Result<Server, ProviderFault>> {
    const fault = findSpecFault(spec, installationId);
    if (fault !== null) return err(fault);
    const [existing, offers, firewall, keys] = await Promise.all([
      findOldest(spec),
      findOffers(),
      ensureFirewall(http, installationId),
      findSshKeys(),
    ]);
    if (!existing.ok) return existing;
    if (existing.value !== null) return ok(existing.value);
    if (!offers.ok) return offers;
    if (!firewall.ok) return firewall;
    if (!keys.ok) return keys;
    const created = await createAtFirstFree(
      rankOffers(offers.value, spec.size, random),
      (offer) => http.send("POST", "/droplets", dropletReply, toCreation(spec, offer, image, keys.value)),
      makeFault("capacity", "no_size", `no size is large enough for "${spec.size}"`),
    );
    if (!created.ok && !created.error.ambiguous) return err(created.error.fault);
    const oldest = await findOldest(spec);
    if (oldest.ok && oldest.value !== null) return ok(oldest.value);
    if (created.ok) return ok(toServer(created.value.droplet));
    return oldest.ok ? err(created.error.fault) : oldest;
  }

  /** Returns the oldest droplet of this name, if it is ours, and deletes younger ones of the same creation. */
  async function findOldest(spec: ServerSpec): Promise<Result<Server | null, ProviderFault>> {
    const listed = await listNamed(spec.name);
    if (!listed.ok) return listed;
    const [oldest, ...younger] = listed.value.filter((server) => hasLabels(server.labels, spec.labels));
    if (oldest === undefined && listed.value.length > 0) {
      const reason = `a droplet named ${spec.name} exists that is not ours`;
      return err(makeFault("conflict", "name_taken", reason, { retriable: false }));
    }
    for (const { id } of younger) {
      const deleted = await http.send("DELETE", `/droplets/${id}`, z.unknown());
      if (!deleted.ok && deleted.error.fault.code !== "not_found") return err(deleted.error.fault);
    }
    return ok(oldest ?? null);
  }

  async function listNamed(name: string): Promise<Result<readonly Server[], ProviderFault>> {
    const listed = await http.listAll("/droplets", { name }, dropletPage);
    if (!listed.ok) return listed;
    const named = listed.value.filter((droplet) => droplet.name === name).toSorted((a, b) => a.id - b.id);
    return ok(named.map(toServer));
  }

  async function findOffers(): Promise<Result<readonly Offer[], ProviderFault>> {
    const sizes = await http.listAll("/sizes", {}, sizePage);
    if (!sizes.ok) return sizes;
    const offers = sizes.value.flatMap((size) => listOffers(size, regions));
    if (offers.length > 0 || regions.length === 0) return ok(offers);
    const known = [...new Set(sizes.value.flatMap((size) => size.regions))].toSorted();
    const reason = `no size is sold in ${regions.join(", ")}; known regions: ${known.join(", ")}`;
    return err(makeFault("invalid", "region_not_found", reason));
  }

  /** Ids and fingerprints are sent as they are. */
  async function findSshKeys(): Promise<Result<readonly (string | number)[], ProviderFault>> {
    if (sshKey === undefined) return ok([]);
    if (/^\d+$/.test(sshKey)) return ok([Number(sshKey)]);
    if (/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(sshKey)) return ok([sshKey]);
    const listed = await http.listAll("/account/keys", {}, sshKeyPage);
    if (!listed.ok) return listed;
    const key = listed.value.find(({ name }) => name === sshKey);
    if (key !== undefined) return ok([key.id]);
    return err(makeFault("invalid", "ssh_key_not_found", `the account has no ssh key named "${sshKey}"`));
  }

  async function findServer(name: string): Promise<Result<Server | null, ProviderFault>> {
    const listed = await listNamed(name);
    if (!listed.ok) return listed;
    return ok(listed.value.find((server) => isOfInstallation(server, installationId)) ?? listed.value[0] ?? null);
  }

  async function getServer(id: string): Promise<Result<Server | null, ProviderFault>> {
    const found = await http.send("GET", `/droplets/${encodeURIComponent(id)}`, dropletReply);
    if (found.ok) return ok(toServer(found.value.droplet));
    return found.error.fault.code === "not_found" ? ok(null) : err(found.error.fault);
  }

  async function deleteServer(id: string): Promise<Result<"deleting" | "gone", ProviderFault>> {
    const found = await getServer(id);
    if (!found.ok) return found;
    if (found.value === null) return ok("gone");
    if (!isOfInstallation(found.value, installationId)) {
      const reason = `droplet ${id} does not carry this installation's tag and was left alone`;
      return err(makeFault("invalid", "not_ours", reason));
    }
    const deleted = await http.send("DELETE", `/droplets/${encodeURIComponent(id)}`, z.unknown());
    if (!deleted.ok) return deleted.error.fault.code === "not_found" ? ok("gone") : err(deleted.error.fault);
    await deleteNodeTag(found.value);
    return ok("deleting");
  }

  /** Tags outlive their droplets, and each node has a separate one. A tag that remains is harmless. */
  async function deleteNodeTag({ labels }: Server): Promise<void> {
    const node = labels[SERVER_LABELS.node];
    if (node !== undefined) await deleteTag(toTag(SERVER_LABELS.node, node));
  }

  const deleteTag = (tag: string) => http.send("DELETE", `/tags/${encodeURIComponent(tag)}`, z.unknown());

  async function listServers(labels: Labels): Promise<Result<readonly Server[], ProviderFault>> {
    const wanted = { ...labels, [SERVER_LABELS.installation]: installationId };
    const fault = findLabelFault(wanted);
    if (fault !== null) return err(fault);
    const listed = await http.listAll("/droplets", { tag_name: toInstallationTag(installationId) }, dropletPage);
    if (!listed.ok) return listed;
    return ok(listed.value.map(toServer).filter((server) => hasLabels(server.labels, wanted)));
  }

  async function listSizes(): Promise<Result<readonly SizeOffer[], ProviderFault>> {
    const offers = await findOffers();
    return offers.ok ? ok(VM_SIZES.map((size) => toSizeOffer(offers.value, size, random))) : offers;
  }

  /** DigitalOcean would delete the firewall of existing droplets without an error. */
  async function deleteSharedResources(): Promise<Result<"deleted" | "in_use", ProviderFault>> {
    const servers = await listServers({});
    if (!servers.ok) return servers;
    if (servers.value.length > 0) return ok("in_use");
    const deleted = await deleteFirewall(http, installationId);
    if (!deleted.ok) return deleted;
    const untagged = await deleteTag(toInstallationTag(installationId));
    return untagged.ok || untagged.error.fault.code === "not_found" ? ok("deleted") : err(untagged.error.fault);
  }

  return {
    name: "digitalocean",
    createServer,
    findServer,
    getServer,
    deleteServer,
    listServers,
    listSizes,
    listMissingPermissions: () => listMissingScopes(http, sshKey !== undefined),
    deleteSharedResources,
  };
}

function toCreation(spec: ServerSpec, offer: Offer, image: string, sshKeys: readonly (string | number)[]) {
  return {
    name: spec.name,
    size: offer.serverType,
    region: offer.location,
    image: /^\d+$/.test(image) ? Number(image) : image,
    user_data: spec.userData,
    tags: toTags(spec.labels),
    ...(sshKeys.length === 0 ? {} : { ssh_keys: sshKeys }),
    ipv6: true,
  };
}

function listOffers(size: Size, regions: readonly string[]): readonly Offer[] {
  return size.regions
    .filter((region) => regions.length === 0 || regions.includes(region))
    .map((region) => ({
      serverType: size.slug,
      location: region,
      cores: size.vcpus,
      memoryGb: size.memory / 1024,
      price: toPrice(size.price_hourly),
      available: size.available,
      recommended: false,
    }));
}

/** DigitalOcean quotes all its prices in US dollars, as binary fractions. */
const toPrice = (perHour: number) => ({ amount: String(Number(perHour.toFixed(5))), currency: "USD" });

function findSpecFault(spec: ServerSpec, installationId: string): ProviderFault | null {
  if (!isOfInstallation(spec, installationId))
    return makeFault("invalid", "label_missing", "a droplet needs this installation's label");
  return findLabelFault(spec.labels);
}

function findLabelFault(labels: Labels): ProviderFault | null {
  const unusable = findUnusableLabel(labels) ?? toTags(labels).find((tag) => tag.length > MAX_TAG_CHARS) ?? null;
  return unusable === null ? null : makeFault("invalid", "label_invalid", `${unusable} is not a usable label`);
}

const STATUS: Readonly<Record<string, Server["status"]>> = {
  new: "starting",
  active: "running",
  off: "off",
  archive: "off",
};

function toServer(droplet: Droplet): Server {
  return {
    id: String(droplet.id),
    name: droplet.name,
    status: STATUS[droplet.status] ?? "unknown",
    labels: toLabels(droplet.tags),
    location: droplet.region?.slug ?? null,
    createdAt: Date.parse(droplet.created_at),
    pricePerHour: droplet.size === null || droplet.size === undefined ? null : toPrice(droplet.size.price_hourly),
  };
}
