/**
 * Hetzner Cloud, and anything that speaks its API. A server's name is the key of its creation.
 * Keeps N1 (an ambiguous creation is looked up and adopted) and N3 (nothing without our label is deleted).
 */
import { err, ok, type Random, type Result, systemRandom } from "@samovar/base";
import { type SizeOffer, VM_SIZES } from "@samovar/contracts";
import { type Provider, type ProviderFault, type Server, SERVER_LABELS, type ServerSpec } from "../provider.ts";
import { providerFault } from "./faults.ts";
import { type Placement, listPlacements, getPrice, toSizeOffer } from "./placement.ts";
import { type HetznerServer, serverPage, serverReply, serverTypePage } from "./schemas.ts";
import { type Failure, type HttpFetch, transport } from "./transport.ts";
import * as z from "zod";

export interface HetznerOptions {
  /** With its version, such as `https://api.hetzner.cloud/v1`. */
  readonly baseUrl: string;
  readonly token: string;
  /** Value of the installation's label; servers without it are never touched. */
  readonly installationId: string;
  readonly fetch: HttpFetch;
  readonly random?: Random;
}

const IMAGE = "debian-12";
/** Type and location pairs that one creation tries. */
const MAX_PLACEMENTS = 8;

export function createHetznerProvider(options: HetznerOptions): Provider {
  const { installationId, random = systemRandom } = options;
  const http = transport(options);

  async function createServer(spec: ServerSpec): Promise<Result<Server, ProviderFault>> {
    const fault = specFault(spec, installationId);
    if (fault !== null) return err(fault);
    const types = await http.listAll("/server_types", {}, serverTypePage);
    if (!types.ok) return types;
    let refused = providerFault("capacity", "no_server_type", `no server type is large enough for "${spec.size}"`);
    for (const placement of listPlacements(types.value, spec.size, random).slice(0, MAX_PLACEMENTS)) {
      const created = await http.send("POST", "/servers", serverReply, creationBody(spec, placement));
      if (created.ok) return ok(serverOf(created.value.server));
      if (mayExist(created.error)) return adopt(spec, created.error.fault);
      if (created.error.fault.kind !== "capacity") return err(created.error.fault);
      refused = created.error.fault;
    }
    return err(refused);
  }

  /** After an answer that left it open: the server of this name is ours if it has the labels that we gave it. */
  async function adopt(spec: ServerSpec, cause: ProviderFault): Promise<Result<Server, ProviderFault>> {
    const found = await findServer(spec.name);
    if (!found.ok) return found;
    if (found.value === null) return err(cause);
    if (hasLabels(found.value.labels, spec.labels)) return ok(found.value);
    return err(
      providerFault("conflict", "name_taken", `a server named ${spec.name} exists that is not ours`, {
        retriable: false,
      }),
    );
  }

  async function findServer(name: string): Promise<Result<Server | null, ProviderFault>> {
    const found = await http.listAll("/servers", { name }, serverPage);
    if (!found.ok) return found;
    const server = found.value.find((candidate) => candidate.name === name);
    return ok(server === undefined ? null : serverOf(server));
  }

  async function getServer(id: string): Promise<Result<Server | null, ProviderFault>> {
    const found = await http.send("GET", `/servers/${encodeURIComponent(id)}`, serverReply);
    if (found.ok) return ok(serverOf(found.value.server));
    return saysGone(found.error) ? ok(null) : err(found.error.fault);
  }

  async function deleteServer(id: string): Promise<Result<"deleting" | "gone", ProviderFault>> {
    const found = await getServer(id);
    if (!found.ok) return found;
    if (found.value === null) return ok("gone");
    if (found.value.labels[SERVER_LABELS.installation] !== installationId) {
      return err(
        providerFault(
          "invalid",
          "not_ours",
          `server ${id} does not carry this installation's label and was left alone`,
        ),
      );
    }
    const deleted = await http.send("DELETE", `/servers/${encodeURIComponent(id)}`, z.unknown());
    if (deleted.ok) return ok("deleting");
    if (saysGone(deleted.error)) return ok("gone");
    return err(deleted.error.fault);
  }

  async function listServers(
    labels: Readonly<Record<string, string>>,
  ): Promise<Result<readonly Server[], ProviderFault>> {
    const wanted = { ...labels, [SERVER_LABELS.installation]: installationId };
    const fault = labelsFault(wanted);
    if (fault !== null) return err(fault);
    const selector = Object.entries(wanted).map(([key, value]) => `${key}=${value}`);
    const listed = await http.listAll("/servers", { label_selector: selector.join(",") }, serverPage);
    if (!listed.ok) return listed;
    return ok(listed.value.map(serverOf).filter((server) => hasLabels(server.labels, wanted)));
  }

  async function listSizes(): Promise<Result<readonly SizeOffer[], ProviderFault>> {
    const types = await http.listAll("/server_types", {}, serverTypePage);
    return types.ok ? ok(VM_SIZES.map((size) => toSizeOffer(types.value, size, random))) : types;
  }

  return { name: "hetzner", createServer, findServer, getServer, deleteServer, listServers, listSizes };
}

/** Whether a refused creation leaves open that the server exists. */
function mayExist(failure: Failure): boolean {
  return failure.ambiguous || failure.fault.kind === "conflict";
}

/** Only the API's own word counts: any web server at a wrong address answers 404 too. */
function saysGone(failure: Failure): boolean {
  return failure.status === 404 && failure.fault.code === "not_found";
}

function creationBody(spec: ServerSpec, placement: Placement) {
  return {
    name: spec.name,
    server_type: placement.serverType,
    location: placement.location,
    image: IMAGE,
    user_data: spec.userData,
    labels: spec.labels,
    start_after_create: true,
    public_net: { enable_ipv4: true, enable_ipv6: true },
  };
}

function specFault(spec: ServerSpec, installationId: string): ProviderFault | null {
  if (spec.labels[SERVER_LABELS.installation] !== installationId) {
    return providerFault("invalid", "label_missing", "a server needs this installation's label");
  }
  return labelsFault(spec.labels);
}

function labelsFault(labels: Readonly<Record<string, string>>): ProviderFault | null {
  const usable = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
  const wrong = Object.entries(labels).find((pair) => !pair.every((part) => usable.test(part)));
  return wrong === undefined
    ? null
    : providerFault("invalid", "label_invalid", `${wrong.join("=")} is not a usable label`);
}

function hasLabels(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

const STATUS: Readonly<Record<string, Server["status"]>> = {
  initializing: "starting",
  starting: "starting",
  running: "running",
  stopping: "off",
  off: "off",
  deleting: "deleting",
};

function serverOf(server: HetznerServer): Server {
  const location = server.location?.name ?? null;
  const price = server.server_type?.prices.find((candidate) => candidate.location === location);
  return {
    id: String(server.id),
    name: server.name,
    status: STATUS[server.status] ?? "unknown",
    labels: server.labels,
    location,
    createdAt: Date.parse(server.created),
    pricePerHour: price === undefined ? null : getPrice(price),
  };
}
