/** For tests: Hetzner's and DigitalOcean's calls in memory, behind the runtime's own `fetch`, with answers that a test can replace. */
import { vi } from "vitest";
import { TEST_SETTINGS } from "../../../test/settings.ts";
import { scriptedDroplets } from "./scripted-droplets.ts";
import type { ScriptedDroplets } from "./scripted-droplets.ts";

interface StoredServer {
  readonly id: number;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly userData: string;
  readonly created: string;
}

/** What becomes of the next call of a kind: refused, not answered, or done with its answer lost. */
export type Fault = { readonly status: number; readonly code: string } | "no_answer" | "answer_lost";

export interface ScriptedCloud {
  readonly servers: Map<number, StoredServer>;
  readonly droplets: ScriptedDroplets["droplets"];
  readonly calls: string[];
  /** The next calls that begin so (`POST /servers`) meet these, in order. */
  put(call: string, ...faults: Fault[]): void;
  add(server: { readonly name: string; readonly labels?: Record<string, string>; readonly ageMs: number }): number;
}

const TYPE = {
  name: "t",
  cores: 32,
  memory: 128,
  architecture: "x86",
  category: "shared",
  cpu_type: "shared",
  prices: [{ location: "here", price_hourly: { net: "0.01", gross: "0.01" }, price_monthly: { net: "6", gross: "6" } }],
  locations: [{ name: "here", available: true, recommended: false, deprecation: null }],
};

const pageOf = (key: string, items: readonly unknown[]) =>
  Response.json({
    [key]: items,
    meta: {
      pagination: {
        page: 1,
        per_page: 50,
        previous_page: null,
        next_page: null,
        last_page: 1,
        total_entries: items.length,
      },
    },
  });
const fault = (status: number, code: string) => Response.json({ error: { code, message: code } }, { status });

/** Takes the place of the network until `vi.unstubAllGlobals()`. */
export function scriptedCloud(): ScriptedCloud {
  const servers = new Map<number, StoredServer>();
  const calls: string[] = [];
  const faults = new Map<string, Fault[]>();
  const firewalls: object[] = [];
  const digitalOcean = scriptedDroplets();
  let nextId = 1;
  const view = ({ id, name, labels, created }: StoredServer) => ({
    id,
    name,
    labels,
    created,
    status: "running",
    location: { name: "here" },
    server_type: TYPE,
  });
  const make = (name: string, labels: Record<string, string>, userData: string, created: number) => {
    const server = { id: nextId++, name, labels, userData, created: new Date(created).toISOString() };
    servers.set(server.id, server);
    return server;
  };
  function carryOutFirewall(method: string, body: string): Response {
    if (method === "GET") return pageOf("firewalls", firewalls);
    const firewall = { ...JSON.parse(body), id: firewalls.length + 1 };
    firewalls.push(firewall);
    return Response.json({ firewall, actions: [] }, { status: 201 });
  }

  function carryOut(method: string, url: URL, body: string): Response {
    const path = url.pathname.replace(/^\/v[12]/, "");
    if (url.href.startsWith(TEST_SETTINGS.DIGITALOCEAN_API_URL))
      return digitalOcean.carryOut(method, path, url.searchParams, body);
    if (path === "/firewalls") return carryOutFirewall(method, body);
    if (path === "/server_types") return pageOf("server_types", [TYPE]);
    if (path === "/servers" && method === "POST") {
      const wanted: { name: string; labels: Record<string, string>; user_data: string } = JSON.parse(body);
      if ([...servers.values()].some((server) => server.name === wanted.name)) return fault(409, "uniqueness_error");
      return Response.json(
        { server: view(make(wanted.name, wanted.labels, wanted.user_data, Date.now())) },
        { status: 201 },
      );
    }
    if (path === "/servers") {
      const name = url.searchParams.get("name");
      return pageOf(
        "servers",
        [...servers.values()].filter((server) => name === null || server.name === name).map(view),
      );
    }
    const server = servers.get(Number(path.split("/").at(-1)));
    if (server === undefined) return fault(404, "not_found");
    if (method === "DELETE") servers.delete(server.id);
    return Response.json({ server: view(server) });
  }

  vi.stubGlobal("fetch", async (input: string | URL | Request, init: RequestInit = {}) => {
    const request = new Request(input, {
      method: init.method ?? "GET",
      headers: init.headers ?? {},
      ...(init.body === undefined ? {} : { body: init.body }),
    });
    const url = new URL(request.url);
    const isKnown = [TEST_SETTINGS.HETZNER_API_URL, TEST_SETTINGS.DIGITALOCEAN_API_URL].some((base) =>
      request.url.startsWith(base),
    );
    if (!isKnown) throw new Error(`not for these clouds: ${request.url}`);
    const call = `${request.method} ${url.pathname.replace(/^\/v[12]/, "")}`;
    calls.push(call);
    const next = [...faults.entries()]
      .find(([prefix, queue]) => call.startsWith(prefix) && queue.length > 0)?.[1]
      .shift();
    if (next === "no_answer") throw new Error("connection reset");
    if (next !== undefined && next !== "answer_lost") return fault(next.status, next.code);
    const answer = carryOut(request.method, url, await request.text());
    if (next === "answer_lost") throw new Error("connection reset");
    return answer;
  });

  return {
    servers,
    droplets: digitalOcean.droplets,
    calls,
    put: (call, ...each) => void faults.set(call, [...(faults.get(call) ?? []), ...each]),
    add: ({ name, labels = { "samovar-installation": TEST_SETTINGS.INSTALLATION_ID }, ageMs }) =>
      make(name, labels, "", Date.now() - ageMs).id,
  };
}
