/** Hetzner's server calls in memory over real HTTP, with answers that a test can put in the way. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

interface Stored {
  readonly id: number;
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly status: number;
  /** A string is sent as it is. */
  readonly body: unknown;
  readonly headers?: Record<string, string>;
  /** The call is carried out before this reply goes out in place of the real one. */
  readonly execute?: boolean;
  /** The connection is closed instead. */
  readonly hangUp?: boolean;
}

export interface ScriptedHetzner {
  readonly url: string;
  readonly servers: Map<number, Stored>;
  /** `METHOD /path?query` of each request. */
  readonly requests: string[];
  /** Parsed bodies of creations, refused ones too. */
  readonly creations: Record<string, unknown>[];
  types: unknown[];
  /** The next calls whose `METHOD /path` begins so are answered by these, in order. */
  put(call: string, ...replies: Reply[]): void;
  close(): Promise<void>;
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
) {
  const entries = Object.entries(places);
  return {
    name,
    cores,
    memory,
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
  const script = new Map<string, Reply[]>();
  const requests: string[] = [];
  const creations: Record<string, unknown>[] = [];
  let nextId = 1;
  const cloud = {
    servers,
    requests,
    creations,
    types: [serverType("t2", 2, 4, { here: { price: "0.01" } }), serverType("t8", 8, 16, { here: { price: "0.04" } })],
    put: (call: string, ...replies: Reply[]) => void script.set(call, [...(script.get(call) ?? []), ...replies]),
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

  function create(body: Record<string, unknown>): Reply {
    const name = String(body["name"]);
    if ([...servers.values()].some((server) => server.name === name)) return hetznerError(409, "uniqueness_error");
    const labels = Object.fromEntries(Object.entries(body["labels"] ?? {}));
    const server = { id: nextId++, name, labels, body };
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

  function carryOut(method: string, url: URL, body: Record<string, unknown>): Reply {
    const id = Number(/^\/v1\/servers\/(\d+)$/.exec(url.pathname)?.[1]);
    if (url.pathname === "/v1/server_types") return page("server_types", cloud.types, url.searchParams);
    if (url.pathname === "/v1/servers" && method === "POST") return create(body);
    if (url.pathname === "/v1/servers") {
      const name = url.searchParams.get("name");
      const wanted = (url.searchParams.get("label_selector") ?? "")
        .split(",")
        .filter((part) => part !== "")
        .map((part) => part.split("="));
      const found = [...servers.values()].filter(
        (server) =>
          (name === null || server.name === name) && wanted.every(([key = "", label]) => server.labels[key] === label),
      );
      return page("servers", found.map(view), url.searchParams);
    }
    const server = servers.get(id);
    if (server === undefined) return hetznerError(404, "not_found");
    if (method === "DELETE") servers.delete(id);
    return { status: 200, body: { server: view(server) } };
  }

  function answer(method: string, url: URL, body: Record<string, unknown>, authorised: boolean): Reply {
    const call = `${method} ${url.pathname.replace("/v1", "")}`;
    const queue = script.get(call) ?? [];
    const scripted = queue.shift();
    if (!authorised) return hetznerError(401, "unauthorized", "unable to authenticate");
    if (scripted === undefined) return carryOut(method, url, body);
    if (scripted.execute === true) carryOut(method, url, body);
    return scripted;
  }

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", "http://scripted");
    const method = request.method ?? "GET";
    requests.push(`${method} ${url.pathname.replace("/v1", "")}${url.search}`);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body: Record<string, unknown> = text === "" ? {} : Object.fromEntries(Object.entries(JSON.parse(text)));
    if (method === "POST") creations.push(body);
    const reply = answer(method, url, body, request.headers.authorization === `Bearer ${token}`);
    if (reply.hangUp === true) return void response.destroy();
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return Object.assign(cloud, {
    url: `http://127.0.0.1:${address.port}/v1`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function page(key: string, all: readonly unknown[], query: URLSearchParams): Reply {
  const number = Number(query.get("page") ?? 1);
  const size = Number(query.get("per_page") ?? 25);
  const more = number * size < all.length;
  const pagination = { page: number, per_page: size, next_page: more ? number + 1 : null, total_entries: all.length };
  return { status: 200, body: { [key]: all.slice((number - 1) * size, number * size), meta: { pagination } } };
}
