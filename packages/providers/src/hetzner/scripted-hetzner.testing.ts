/** The calls of Hetzner's API that the provider makes, in memory. */
import { type Call, type Reply, type ScriptedApi, startScriptedApi } from "../scripted-api.testing.ts";

interface Stored {
  readonly id: number;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly body: Readonly<Record<string, unknown>>;
}

interface StoredFirewall {
  readonly id: number;
  readonly name: string;
  readonly labels: Record<string, string>;
  rules: unknown[];
}

export interface ScriptedHetzner extends ScriptedApi {
  readonly servers: Map<number, Stored>;
  readonly firewalls: Map<number, StoredFirewall>;
  types: unknown[];
  images: { id: number; labels: Record<string, string>; [field: string]: unknown }[];
  sshKeys: { id: number; name: string }[];
  /** Parsed bodies of creations of servers, refused ones too. */
  creations(): readonly Call["body"][];
}

export const hetznerError = (status: number, code: string, message = code): Reply => ({
  status,
  body: { error: { code, message } },
});

export function serverType(
  name: string,
  cores: number,
  memory: number,
  places: Record<string, { price: string; available?: boolean; recommended?: boolean; leaving?: boolean }>,
  more: { readonly architecture?: string; readonly disk?: number } = {},
) {
  const entries = Object.entries(places);
  return {
    name,
    cores,
    memory,
    ...more,
    prices: entries.map(([location, { price }]) => ({ location, price_hourly: { net: price, gross: price } })),
    locations: entries.map(([location, { available = true, recommended = false, leaving = false }]) => ({
      name: location,
      available,
      recommended,
      deprecation: leaving ? { announced: "2026-01-01T00:00:00Z", unavailable_after: "2027-01-01T00:00:00Z" } : null,
    })),
  };
}

export async function scriptedHetzner(token: string): Promise<ScriptedHetzner> {
  const servers = new Map<number, Stored>();
  const firewalls = new Map<number, StoredFirewall>();
  let nextId = 1;
  let nextFirewallId = 501;
  const lists: Pick<ScriptedHetzner, "types" | "images" | "sshKeys"> = {
    types: [serverType("t2", 2, 4, { here: { price: "0.01" } }), serverType("t8", 8, 16, { here: { price: "0.04" } })],
    images: [],
    sshKeys: [],
  };

  const view = ({ id, name, labels, body }: Stored) => ({
    id,
    name,
    labels,
    status: "running",
    created: new Date().toISOString(),
    location: { name: body["location"] ?? "here" },
    server_type: { prices: [{ location: body["location"] ?? "here", price_hourly: { net: "0.01", gross: "0.01" } }] },
  });

  function create({ body }: Call): Reply {
    if (body["name"] === undefined) return hetznerError(422, "invalid_input", "invalid input in field 'name'");
    const name = String(body["name"]);
    if ([...servers.values()].some((server) => server.name === name)) return hetznerError(409, "uniqueness_error");
    const server = { id: nextId++, name, labels: toLabels(body["labels"]), body };
    servers.set(server.id, server);
    return {
      status: 201,
      body: {
        server: view(server),
        action: { id: 1, status: "running", progress: 0 },
        next_actions: [],
        root_password: "never read",
      },
    };
  }

  function createFirewall({ body }: Call): Reply {
    const name = String(body["name"]);
    if ([...firewalls.values()].some((firewall) => firewall.name === name))
      return hetznerError(409, "uniqueness_error", "firewall name is already used");
    const rules = Array.isArray(body["rules"]) ? body["rules"] : [];
    const firewall = { id: nextFirewallId++, name, labels: toLabels(body["labels"]), rules };
    firewalls.set(firewall.id, firewall);
    return { status: 201, body: { firewall, actions: [] } };
  }

  function deleteFirewall(id: number): Reply {
    const isUsed = [...servers.values()].some(({ body }) =>
      JSON.stringify(body["firewalls"] ?? []).includes(`:${id}}`),
    );
    if (isUsed) return hetznerError(422, "resource_in_use", "firewall is still in use");
    firewalls.delete(id);
    return { status: 204, body: "" };
  }

  function carryOutFirewall(call: Call): Reply {
    const { method, path, body } = call;
    if (path === "/firewalls" && method === "POST") return createFirewall(call);
    if (path === "/firewalls") return page("firewalls", select([...firewalls.values()], call.query), call.query);
    const firewall = firewalls.get(Number(path.split("/")[2]));
    if (firewall === undefined) return hetznerError(404, "not_found");
    if (method === "DELETE") return deleteFirewall(firewall.id);
    if (path.endsWith("/set_rules") && Array.isArray(body["rules"])) firewall.rules = body["rules"];
    return { status: 201, body: { actions: [], firewall } };
  }

  function carryOut(call: Call): Reply {
    const { method, path, query } = call;
    if (path.startsWith("/firewalls")) return carryOutFirewall(call);
    if (path === "/server_types") return page("server_types", lists.types, query);
    if (path === "/images") return page("images", select(lists.images, query), query);
    if (path === "/ssh_keys") return page("ssh_keys", select(lists.sshKeys, query), query);
    if (path === "/servers" && method === "POST") return create(call);
    if (path === "/servers") return page("servers", select([...servers.values()], query).map(view), query);
    const id = Number(path.split("/")[2]);
    if (path.startsWith("/images/")) {
      const image = lists.images.find((each) => each.id === id);
      return image === undefined ? hetznerError(404, "not_found") : { status: 200, body: { image } };
    }
    const server = servers.get(id);
    if (server === undefined) return hetznerError(404, "not_found");
    if (method === "DELETE") servers.delete(id);
    return { status: 200, body: { server: view(server) } };
  }

  const api = await startScriptedApi({
    token,
    version: "/v1",
    unauthorized: hetznerError(401, "unauthorized", "unable to authenticate"),
    carryOut,
  });
  return Object.assign(lists, api, {
    servers,
    firewalls,
    creations: () =>
      api.calls.filter(({ method, path }) => method === "POST" && path === "/servers").map(({ body }) => body),
  });
}

const toLabels = (labels: unknown): Record<string, string> => Object.fromEntries(Object.entries(labels ?? {}));

function select<T extends { readonly name?: unknown; readonly labels?: Readonly<Record<string, string>> }>(
  all: readonly T[],
  query: URLSearchParams,
): readonly T[] {
  const name = query.get("name");
  const wanted = (query.get("label_selector") ?? "")
    .split(",")
    .filter((part) => part !== "")
    .map((part) => part.split("="));
  return all.filter(
    (each) =>
      (name === null || each.name === name) && wanted.every(([key = "", label]) => each.labels?.[key] === label),
  );
}

function page(key: string, all: readonly unknown[], query: URLSearchParams): Reply {
  const number = Number(query.get("page") ?? 1);
  const size = Number(query.get("per_page") ?? 25);
  const more = number * size < all.length;
  const pagination = { page: number, per_page: size, next_page: more ? number + 1 : null, total_entries: all.length };
  return { status: 200, body: { [key]: all.slice((number - 1) * size, number * size), meta: { pagination } } };
}
