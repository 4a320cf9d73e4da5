/** The calls of DigitalOcean's API that the provider makes, in memory, after its public reference. */
import { type Call, type Reply, type ScriptedApi, startScriptedApi } from "../scripted-api.testing.ts";

interface StoredDroplet {
  readonly id: number;
  readonly name: string;
  tags: string[];
  readonly body: Readonly<Record<string, unknown>>;
}

interface StoredFirewall {
  readonly id: string;
  name: string;
  tags: string[];
  inbound_rules: unknown[];
  outbound_rules: unknown[];
  droplet_ids: number[];
}

export interface ScriptedDigitalOcean extends ScriptedApi {
  readonly droplets: Map<number, StoredDroplet>;
  readonly firewalls: Map<string, StoredFirewall>;
  /** In the capitalization of their first use. */
  readonly tags: Set<string>;
  sizes: unknown[];
  sshKeys: { id: number; name: string; fingerprint: string }[];
  /** Scopes that the token lacks. */
  missingScopes: readonly string[];
  makeDroplet(name: string, tags: readonly string[]): number;
  /** Parsed bodies of creations of droplets, refused ones too. */
  creations(): readonly Call["body"][];
}

export const digitalOceanError = (status: number, id: string, message = id): Reply => ({
  status,
  body: { id, message, request_id: "4d9d8375-3c56-4925-a3e7-eb137fed17e9" },
});

export const dropletSize = (
  slug: string,
  vcpus: number,
  gigabytes: number,
  price: number,
  more: { readonly regions?: readonly string[]; readonly available?: boolean } = {},
) => ({
  slug,
  vcpus,
  memory: gigabytes * 1024,
  disk: 80,
  transfer: 4,
  price_hourly: price,
  price_monthly: price * 672,
  regions: ["fra1"],
  available: true,
  description: "Basic",
  ...more,
});

const NOT_FOUND = digitalOceanError(404, "not_found", "The resource you were accessing could not be found.");
const EMPTY: Reply = { status: 204, body: "" };

export async function scriptedDigitalOcean(token: string): Promise<ScriptedDigitalOcean> {
  const droplets = new Map<number, StoredDroplet>();
  const firewalls = new Map<string, StoredFirewall>();
  const tags = new Set<string>();
  const settings: Pick<ScriptedDigitalOcean, "sizes" | "sshKeys" | "missingScopes"> = {
    sizes: [
      dropletSize("s-2vcpu-4gb", 2, 4, 0.03571),
      dropletSize("s-4vcpu-8gb", 4, 8, 0.07143),
      dropletSize("s-8vcpu-16gb", 8, 16, 0.14286),
    ],
    sshKeys: [],
    missingScopes: [],
  };
  let nextId = 3_164_444;

  /** Tags are the same whatever their case; the first use decides how they are written. */
  const findTag = (name: string) => [...tags].find((tag) => tag.toLowerCase() === name.toLowerCase());
  const useTag = (name: string) => {
    const known = findTag(name);
    if (known === undefined) tags.add(name);
    return known ?? name;
  };

  const view = ({ id, name, tags: names, body }: StoredDroplet) => ({
    id,
    name,
    status: "active",
    locked: false,
    created_at: new Date().toISOString(),
    tags: names,
    region: { slug: body["region"] ?? "fra1", name: "Frankfurt 1", available: true },
    size: settings.sizes.find((size) => Object(size).slug === body["size"]) ?? settings.sizes[0],
    size_slug: body["size"],
  });

  function makeDroplet(name: string, names: readonly string[], body: Call["body"] = {}): number {
    const id = nextId++;
    droplets.set(id, { id, name, tags: names.map(useTag), body });
    return id;
  }

  function createDroplet(body: Call["body"]): Reply {
    if (typeof body["name"] !== "string")
      return digitalOceanError(422, "unprocessable_entity", "Name is required for Droplet creation.");
    const names = toStrings(body["tags"]);
    const bad = names.find((tag) => !/^[A-Za-z0-9:_-]{1,255}$/.test(tag));
    if (bad !== undefined) return digitalOceanError(422, "unprocessable_entity", `Tag ${bad} is invalid.`);
    const droplet = droplets.get(makeDroplet(body["name"], names, body));
    return droplet === undefined
      ? NOT_FOUND
      : { status: 202, body: { droplet: view(droplet), links: { actions: [{ id: 7, rel: "create" }] } } };
  }

  function findFirewallFault(body: Call["body"], id: string | null): Reply | null {
    const rules = [...toList(body["inbound_rules"]), ...toList(body["outbound_rules"])];
    if (typeof body["name"] !== "string" || !/^[A-Za-z0-9][A-Za-z0-9.-]*$/.test(body["name"]))
      return digitalOceanError(422, "unprocessable_entity", "invalid firewall name");
    if (rules.length === 0) return digitalOceanError(422, "unprocessable_entity", "a rule is required");
    const unknown = toStrings(body["tags"]).find((tag) => !tags.has(tag));
    if (unknown !== undefined) return digitalOceanError(422, "unprocessable_entity", `tag ${unknown} does not exist`);
    const isTaken = [...firewalls.values()].some((each) => each.name === body["name"] && each.id !== id);
    return isTaken ? digitalOceanError(409, "conflict", "duplicate name") : null;
  }

  function saveFirewall(body: Call["body"], id: string): StoredFirewall {
    const firewall = {
      id,
      name: String(body["name"]),
      tags: toStrings(body["tags"]),
      inbound_rules: toList(body["inbound_rules"]).map(withWrittenPorts),
      outbound_rules: toList(body["outbound_rules"]).map(withWrittenPorts),
      droplet_ids: toList(body["droplet_ids"]).map(Number),
    };
    firewalls.set(id, firewall);
    return firewall;
  }

  function carryOutFirewall({ method, path, query, body }: Call): Reply {
    if (path === "/firewalls" && method === "GET") return page("firewalls", [...firewalls.values()], query);
    if (path === "/firewalls") {
      const fault = findFirewallFault(body, null);
      const id = `bb4b2611-3d72-467b-8602-${String(nextId++).padStart(12, "0")}`;
      return fault ?? { status: 202, body: { firewall: saveFirewall(body, id) } };
    }
    const firewall = firewalls.get(path.split("/")[2] ?? "");
    if (firewall === undefined) return NOT_FOUND;
    if (method === "DELETE") {
      firewalls.delete(firewall.id);
      return EMPTY;
    }
    if (method === "GET") return { status: 200, body: { firewall } };
    return findFirewallFault(body, firewall.id) ?? { status: 200, body: { firewall: saveFirewall(body, firewall.id) } };
  }

  function carryOutTag({ method, path, query, body }: Call): Reply {
    if (path === "/tags" && method === "GET")
      return page(
        "tags",
        [...tags].map((name) => ({ name })),
        query,
      );
    if (path === "/tags") {
      const name = body["name"];
      if (typeof name !== "string") return digitalOceanError(422, "unprocessable_entity", "name is required");
      return { status: 201, body: { tag: { name: useTag(name) } } };
    }
    const name = decodeURIComponent(path.split("/")[2] ?? "");
    if (!tags.has(name)) return NOT_FOUND;
    if (method !== "DELETE") return { status: 200, body: { tag: { name } } };
    tags.delete(name);
    for (const droplet of droplets.values()) droplet.tags = droplet.tags.filter((tag) => tag !== name);
    return EMPTY;
  }

  function carryOutDroplet({ method, path, query, body }: Call): Reply {
    if (path === "/droplets" && method === "POST") return createDroplet(body);
    if (path === "/droplets") {
      const tag = query.get("tag_name");
      const name = query.get("name");
      const found = [...droplets.values()].filter(
        (each) =>
          (tag === null || each.tags.includes(tag)) &&
          (name === null || each.name.toLowerCase() === name.toLowerCase()),
      );
      return page("droplets", found.map(view), query);
    }
    const droplet = droplets.get(Number(path.split("/")[2]));
    if (droplet === undefined) return NOT_FOUND;
    if (method === "GET") return { status: 200, body: { droplet: view(droplet) } };
    droplets.delete(droplet.id);
    return EMPTY;
  }

  function carryOut(call: Call): Reply {
    const scope = toScope(call);
    if (settings.missingScopes.includes(scope))
      return digitalOceanError(403, "forbidden", "You are not authorized to perform this operation");
    if (call.path.startsWith("/droplets")) return carryOutDroplet(call);
    if (call.path.startsWith("/firewalls")) return carryOutFirewall(call);
    if (call.path.startsWith("/tags")) return carryOutTag(call);
    if (call.path === "/sizes") return page("sizes", settings.sizes, call.query);
    if (call.path === "/account/keys") return page("ssh_keys", settings.sshKeys, call.query);
    return NOT_FOUND;
  }

  const api = await startScriptedApi({
    token,
    version: "/v2",
    unauthorized: digitalOceanError(401, "unauthorized", "Unable to authenticate you"),
    carryOut,
  });
  return Object.assign(settings, api, {
    droplets,
    firewalls,
    tags,
    makeDroplet,
    creations: () =>
      api.calls.filter(({ method, path }) => method === "POST" && path === "/droplets").map(({ body }) => body),
  });
}

const RESOURCES: Readonly<Record<string, string>> = {
  droplets: "droplet",
  firewalls: "firewall",
  tags: "tag",
  sizes: "sizes",
  account: "ssh_key",
};
const RIGHTS: Readonly<Record<string, string>> = { GET: "read", POST: "create", PUT: "update", DELETE: "delete" };

const toScope = ({ method, path }: Call) => `${RESOURCES[path.split("/")[1] ?? ""]}:${RIGHTS[method]}`;

const toList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const toStrings = (value: unknown): string[] => toList(value).map(String);

/** All ports are asked for as "all" and answered as "0", as those of ICMP. */
function withWrittenPorts(rule: unknown): unknown {
  const { ports, ...rest } = Object(rule);
  return { ...rest, ports: ports === "all" || ports === undefined ? "0" : ports, action: rest.action ?? "allow" };
}

function page(key: string, all: readonly unknown[], query: URLSearchParams): Reply {
  const number = Number(query.get("page") ?? 1);
  const size = Number(query.get("per_page") ?? 20);
  const items = all.slice((number - 1) * size, number * size);
  const next = `https://api.digitalocean.com/v2/${key}?page=${number + 1}&per_page=${size}`;
  const links = number * size < all.length ? { pages: { next, last: next } } : {};
  const meta = { total: all.length };
  return { status: 200, body: all.length > size ? { [key]: items, links, meta } : { [key]: items, meta } };
}
