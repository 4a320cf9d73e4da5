/**
 * Hetzner Cloud, and anything that speaks its API. A server's name is the key of its creation.
 * Keeps N1 (an ambiguous creation is looked up and adopted) and N3 (nothing without our label is deleted).
 */
import { err, ok, type Random, type Result, systemRandom } from "@samovar/base";
import { type SizeOffer, VM_SIZES } from "@samovar/contracts";
import * as z from "zod";
import { findUnusableLabel, hasLabels, isOfInstallation, type Labels } from "../labels.ts";
import { createAtFirstFree, rankOffers, toSizeOffer } from "../placement.ts";
import { type Provider, type ProviderFault, type Server, SERVER_LABELS, type ServerSpec } from "../provider.ts";
import { createTransport, type Failure, type HttpFetch } from "../transport.ts";
import { DIALECT, makeFault } from "./faults.ts";
import { deleteFirewall, ensureFirewall } from "./firewall.ts";
import { findImages } from "./image.ts";
import { type HetznerOffer, listOffers, toPrice } from "./offers.ts";
import { type HetznerServer, serverPage, serverReply, serverTypePage, sshKeyPage } from "./schemas.ts";

export interface HetznerOptions {
  /** With its version, such as `https://api.hetzner.cloud/v1`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Value of the installation's label; servers without it are never touched. */
  readonly installationId: string;
  readonly fetch: HttpFetch;
  /** A name, the id of a snapshot, or a label of snapshots such as `image=samovar`. */
  readonly image?: string;
  /** Allowed locations; none means any. */
  readonly locations?: readonly string[];
  /** Name or id of an ssh key of the project; without one Hetzner mails a root password for each server. */
  readonly sshKey?: string | undefined;
  readonly random?: Random;
}

export function createHetznerProvider(options: HetznerOptions): Provider {
  const { installationId, image = "debian-12", locations = [], sshKey, random = systemRandom } = options;
  const http = createTransport({ ...options, dialect: DIALECT });

  async function createServer(spec: ServerSpec): Promise<Result<Server, ProviderFault>> {
    const fault = findSpecFault(spec, installationId);
    if (fault !== null) return err(fault);
    const [offers, firewall, keys] = await Promise.all([
      findOffers(),
      ensureFirewall(http, installationId),
      findSshKeys(),
    ]);
    if (!offers.ok) return offers;
    if (!firewall.ok) return firewall;
    if (!keys.ok) return keys;
    const created = await createAtFirstFree(
      rankOffers(offers.value, spec.size, random),
      (offer) => http.send("POST", "/servers", serverReply, toCreation(spec, offer, firewall.value, keys.value)),
      makeFault("capacity", "no_server_type", `no server type is large enough for "${spec.size}"`),
    );
    if (created.ok) return ok(toServer(created.value.server));
    return mayExist(created.error) ? adopt(spec, created.error.fault) : err(created.error.fault);
  }

  async function findOffers(): Promise<Result<readonly HetznerOffer[], ProviderFault>> {
    const [types, images] = await Promise.all([
      http.listAll("/server_types", {}, serverTypePage),
      findImages(http, image),
    ]);
    if (!types.ok) return types;
    if (!images.ok) return images;
    const offers = listOffers(types.value, images.value, locations);
    if (offers.length > 0 || locations.length === 0) return ok(offers);
    const known = [...new Set(types.value.flatMap(({ prices }) => prices.map(({ location }) => location)))];
    const reason = `nothing that boots "${image}" is sold in ${locations.join(", ")}; known locations: ${known.join(", ")}`;
    return err(makeFault("invalid", "location_not_found", reason));
  }

  async function findSshKeys(): Promise<Result<readonly number[], ProviderFault>> {
    if (sshKey === undefined) return ok([]);
    if (/^\d+$/.test(sshKey)) return ok([Number(sshKey)]);
    const found = await http.listAll("/ssh_keys", { name: sshKey }, sshKeyPage);
    if (!found.ok) return found;
    const key = found.value.find(({ name }) => name === sshKey);
    if (key !== undefined) return ok([key.id]);
    return err(makeFault("invalid", "ssh_key_not_found", `the project has no ssh key named "${sshKey}"`));
  }

  /** After an answer that left it open: the server of this name is ours if it has the labels that we gave it. */
  async function adopt(spec: ServerSpec, cause: ProviderFault): Promise<Result<Server, ProviderFault>> {
    const found = await findServer(spec.name);
    if (!found.ok) return found;
    if (found.value === null) return err(cause);
    if (hasLabels(found.value.labels, spec.labels)) return ok(found.value);
    return err(
      makeFault("conflict", "name_taken", `a server named ${spec.name} exists that is not ours`, { retriable: false }),
    );
  }

  async function findServer(name: string): Promise<Result<Server | null, ProviderFault>> {
    const found = await http.listAll("/servers", { name }, serverPage);
    if (!found.ok) return found;
    const server = found.value.find((candidate) => candidate.name === name);
    return ok(server === undefined ? null : toServer(server));
  }

  async function getServer(id: string): Promise<Result<Server | null, ProviderFault>> {
    const found = await http.send("GET", `/servers/${encodeURIComponent(id)}`, serverReply);
    if (found.ok) return ok(toServer(found.value.server));
    return isGone(found.error) ? ok(null) : err(found.error.fault);
  }

  async function deleteServer(id: string): Promise<Result<"deleting" | "gone", ProviderFault>> {
    const found = await getServer(id);
    if (!found.ok) return found;
    if (found.value === null) return ok("gone");
    if (!isOfInstallation(found.value, installationId)) {
      const reason = `server ${id} does not carry this installation's label and was left alone`;
      return err(makeFault("invalid", "not_ours", reason));
    }
    const deleted = await http.send("DELETE", `/servers/${encodeURIComponent(id)}`, z.unknown());
    if (deleted.ok) return ok("deleting");
    return isGone(deleted.error) ? ok("gone") : err(deleted.error.fault);
  }

  async function listServers(labels: Labels): Promise<Result<readonly Server[], ProviderFault>> {
    const wanted = { ...labels, [SERVER_LABELS.installation]: installationId };
    const fault = findLabelFault(wanted);
    if (fault !== null) return err(fault);
    const selector = Object.entries(wanted).map(([key, value]) => `${key}=${value}`);
    const listed = await http.listAll("/servers", { label_selector: selector.join(",") }, serverPage);
    if (!listed.ok) return listed;
    return ok(listed.value.map(toServer).filter((server) => hasLabels(server.labels, wanted)));
  }

  async function listSizes(): Promise<Result<readonly SizeOffer[], ProviderFault>> {
    const offers = await findOffers();
    return offers.ok ? ok(VM_SIZES.map((size) => toSizeOffer(offers.value, size, random))) : offers;
  }

  /** A creation without a name is refused as invalid, or first as forbidden if the token may only read. */
  async function listMissingPermissions(): Promise<Result<readonly string[], ProviderFault>> {
    const read = await http.send("GET", "/servers?per_page=1", z.unknown());
    if (!read.ok) return err(read.error.fault);
    const written = await http.send("POST", "/servers", z.unknown(), {});
    if (written.ok || written.error.fault.kind === "invalid") return ok([]);
    return written.error.fault.kind === "unauthorized" ? ok(["Read & Write"]) : err(written.error.fault);
  }

  return {
    name: "hetzner",
    createServer,
    findServer,
    getServer,
    deleteServer,
    listServers,
    listSizes,
    listMissingPermissions,
    deleteSharedResources: () => deleteFirewall(http, installationId),
  };
}

/** Whether a refused creation leaves open that the server exists. */
function mayExist(failure: Failure): boolean {
  return failure.ambiguous || failure.fault.kind === "conflict";
}

/** Only the API's own word counts: any web server at a wrong address answers 404 too. */
function isGone(failure: Failure): boolean {
  return failure.status === 404 && failure.fault.code === "not_found";
}

function toCreation(spec: ServerSpec, offer: HetznerOffer, firewallId: number, sshKeys: readonly number[]) {
  return {
    name: spec.name,
    server_type: offer.serverType,
    location: offer.location,
    image: offer.image,
    user_data: spec.userData,
    labels: spec.labels,
    firewalls: [{ firewall: firewallId }],
    ...(sshKeys.length === 0 ? {} : { ssh_keys: sshKeys }),
    start_after_create: true,
    public_net: { enable_ipv4: true, enable_ipv6: true },
  };
}

function findSpecFault(spec: ServerSpec, installationId: string): ProviderFault | null {
  if (!isOfInstallation(spec, installationId))
    return makeFault("invalid", "label_missing", "a server needs this installation's label");
  return findLabelFault(spec.labels);
}

function findLabelFault(labels: Labels): ProviderFault | null {
  const unusable = findUnusableLabel(labels);
  return unusable === null ? null : makeFault("invalid", "label_invalid", `${unusable} is not a usable label`);
}

const STATUS: Readonly<Record<string, Server["status"]>> = {
  initializing: "starting",
  starting: "starting",
  running: "running",
  stopping: "off",
  off: "off",
  deleting: "deleting",
};

function toServer(server: HetznerServer): Server {
  const location = server.location?.name ?? null;
  const price = server.server_type?.prices.find((candidate) => candidate.location === location);
  return {
    id: String(server.id),
    name: server.name,
    status: STATUS[server.status] ?? "unknown",
    labels: server.labels,
    location,
    createdAt: Date.parse(server.created),
    pricePerHour: price === undefined ? null : toPrice(price),
  };
}
