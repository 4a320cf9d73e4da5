/** Answers in Hetzner's shapes. */
import type { Millis } from "@samovar/base";
import { architecture, IMAGE, LOCATION, SERVER_TYPES, type ServerType } from "../catalogue.ts";
import type { ActionRecord, FirewallRecord, ServerRecord } from "../state.ts";

const time = (at: Millis) => new Date(at).toISOString();
const FREE = { net: "0.0000", gross: "0.0000" } as const;
const EPOCH = time(0);

export function toServerTypeView(type: ServerType) {
  return {
    ...type,
    description: `${type.cores} cores and ${type.memory} GB of this machine, shared`,
    category: "shared",
    storage_type: "local",
    cpu_type: "shared",
    architecture,
    deprecated: false,
    deprecation: null,
    prices: [
      {
        location: LOCATION.name,
        price_hourly: FREE,
        price_monthly: FREE,
        included_traffic: 0,
        price_per_tb_traffic: FREE,
      },
    ],
    locations: [{ id: LOCATION.id, name: LOCATION.name, available: true, recommended: true, deprecation: null }],
  };
}

export function toImageView() {
  return {
    ...IMAGE,
    type: "system",
    status: "available",
    image_size: null,
    disk_size: 5,
    created: EPOCH,
    created_from: null,
    bound_to: null,
    os_flavor: "debian",
    os_version: "12",
    architecture,
    rapid_deploy: true,
    protection: { delete: false },
    deprecated: null,
    deleted: null,
    labels: {},
  };
}

export function toFirewallView({ id, name, labels, rules, createdAt, serverIds }: FirewallRecord) {
  const appliedTo = serverIds.map((serverId) => ({ type: "server", server: { id: serverId } }));
  return { id, name, labels, created: time(createdAt), rules, applied_to: appliedTo };
}

export function toServerView(server: ServerRecord, firewallIds: readonly number[], locked: boolean) {
  const type = SERVER_TYPES.find((candidate) => candidate.name === server.serverType);
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    created: time(server.createdAt),
    labels: server.labels,
    location: LOCATION,
    server_type: type === undefined ? null : toServerTypeView(type),
    image: toImageView(),
    public_net: {
      ipv4: { id: server.id, ip: "127.0.0.1", blocked: false, dns_ptr: "localhost" },
      ipv6: null,
      floating_ips: [],
      firewalls: firewallIds.map((id) => ({ id, status: "applied" })),
    },
    private_net: [],
    iso: null,
    rescue_enabled: false,
    locked,
    backup_window: null,
    outgoing_traffic: 0,
    ingoing_traffic: 0,
    included_traffic: 0,
    protection: { delete: false, rebuild: false },
    volumes: [],
    load_balancers: [],
    placement_group: null,
    primary_disk_size: type?.disk ?? 0,
  };
}

export function toActionView(action: ActionRecord) {
  return {
    id: action.id,
    command: action.command,
    status: action.status,
    progress: action.status === "running" ? 0 : 100,
    started: time(action.startedAt),
    finished: action.finishedAt === null ? null : time(action.finishedAt),
    resources: [
      ...(action.firewallId === null ? [] : [{ id: action.firewallId, type: "firewall" }]),
      ...(action.serverId === null ? [] : [{ id: action.serverId, type: "server" }]),
    ],
    error: action.error,
  };
}
