/** The egress proxy over real sockets. Names and addresses are the tests' own; connections end at servers on loopback. */
import { once } from "node:events";
import { request as requestHttp } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { silentLogger } from "@samovar/base";
import type { EgressPolicy } from "@samovar/contracts";
import { OPEN_EGRESS } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listenOnLoopback } from "../listen.ts";
import { HEADERS_MAX_BYTES, MAX_CONNECTIONS } from "./limits.ts";
import {
  type EchoServer,
  type Outside,
  PUBLIC_ADDRESS,
  type Refused,
  createOutside,
  createUse,
  startRawServer,
  startWebServer,
} from "./outside.testing.ts";
import { type EgressProxy, startEgressProxy } from "./proxy.ts";

const CLOSED: EgressPolicy = { mode: "none", hosts: [] };

let web: EchoServer;
let outside: Outside;
let proxy: EgressProxy;
let refused: Refused[];
const ends: (() => unknown)[] = [];

/** A proxy whose connections end at the server on this port. */
async function open(port: number, policy: EgressPolicy | null = OPEN_EGRESS) {
  outside = createOutside(port);
  for (const name of ["tea.example", "git.example", "samovar.example"]) outside.names.set(name, [[PUBLIC_ADDRESS]]);
  outside.names.set("samovar.example", [["104.16.0.1"]]);
  refused = [];
  const started = await startEgressProxy({
    ...outside,
    listOwnAddresses: () => outside.own,
    listen: listenOnLoopback,
    log: silentLogger,
  });
  ends.push(() => started.close());
  if (policy !== null) started.use(createUse(policy, refused));
  proxy = started;
}

beforeEach(async () => {
  web = await startWebServer();
  ends.push(() => web.close());
  await open(web.port);
});
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Sends raw bytes to the proxy and returns its whole answer. */
async function send(raw: string): Promise<string> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
  socket.write(raw);
  const answer = await text(socket).catch(() => "");
  socket.destroy();
  return answer;
}

const get = (target: string, headers = "") =>
  send(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);

async function openTunnel(authority: string, headers = ""): Promise<{ status: string; socket: Socket }> {
  const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${headers}\r\n`);
  const [first] = (await once(socket, "data")) as [Buffer];
  ends.push(() => socket.destroy());
  return { status: /^HTTP\/1\.1 (\d+)/.exec(first.toString())?.[1] ?? "", socket };
}

describe("[R50] a plain request", () => {
  test("is forwarded with its method, path and body, and its answer comes back, without what is one connection's", async () => {
    const request = requestHttp({
      port: proxy.port,
      host: "127.0.0.1",
      method: "POST",
      path: "http://TEA.example:8080/a/%2e?b=1",
      headers: {
        host: "evil.example",
        "proxy-authorization": "Basic x",
        connection: "x-mine",
        "x-mine": "1",
        "x-end": "2",
      },
    });
    request.end("milk");
    const [response] = await once(request, "response");
    expect(await text(response)).toBe("POST /a/%2e?b=1 tea.example:8080\nmilk");
    expect(response.headers).toMatchObject({ "set-cookie": ["a=1", "b=2"] });
    expect(response.headers).not.toHaveProperty("x-hop");
    expect(web.requests[0]?.headers).toMatchObject({ "x-end": "2", host: "tea.example:8080" });
    for (const dropped of ["proxy-authorization", "x-mine"])
      expect(web.requests[0]?.headers).not.toHaveProperty(dropped);
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:8080`]);
  });

  test("has the body that was sent, also where its method usually has none", async () => {
    const inner = "GET /smuggled HTTP/1.1\r\nHost: other.example\r\n\r\n";
    const chunked = `Transfer-Encoding: chunked\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n`;
    expect(await get("http://tea.example/cup", chunked)).toContain(`GET /cup tea.example\n`);
    expect(web.requests.map(({ url }) => url)).toEqual(["/cup"]);
  });

  test("goes where its target says, whatever its `Host` names", async () => {
    proxy.use(createUse({ mode: "allow-list", hosts: ["tea.example"] }, refused));
    const hosts = ["Host: tea.example\r\n", "X-Forwarded-Host: tea.example\r\n", "Forwarded: host=tea.example\r\n"];
    for (const headers of hosts) {
      const raw = `GET http://evil.example/ HTTP/1.1\r\n${headers.startsWith("Host") ? "" : "Host: tea.example\r\n"}${headers}Connection: close\r\n\r\n`;
      expect(await send(raw)).toMatch(/^HTTP\/1\.1 403 .*Refused a connection to evil\.example:80: /s);
    }
    expect(outside.connected).toEqual([]);
    expect(outside.lookedUp).toEqual([]);
  });

  test.for([
    "/",
    "*",
    "tea.example",
    "https://tea.example/",
    "ftp://tea.example/",
    "file:///etc/passwd",
    "http://user:secret@tea.example/",
    "http://tea.example@127.0.0.1/",
    "http://",
    "http://tea.example:99999/",
  ])("to %s is no request for a proxy", async (target) => {
    expect(await get(target)).toMatch(/^HTTP\/1\.1 400 /);
    expect(outside.connected).toEqual([]);
  });

  test("says 502 for a name without an address and for a server that ends the connection", async () => {
    expect(await get("http://nowhere.example/")).toMatch(/^HTTP\/1\.1 502 .*nowhere\.example has no address\./s);
    const silent = await startRawServer((socket) => socket.destroy());
    ends.push(() => silent.close());
    await open(silent.port);
    expect(await get("http://tea.example/")).toMatch(/^HTTP\/1\.1 502 .*tea\.example did not answer\./s);
    expect(refused).toEqual([]);
  });

  test.for([
    "HTTP/1.1 099 No\r\n\r\n",
    "HTTP/1.1 200 O\u0001K\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: \u0001\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "220 mail.example ESMTP\r\n",
  ])("survives a server that answers %j, and serves the next one", async (answer) => {
    const odd = await startRawServer((socket) => socket.once("data", () => socket.end(answer)));
    ends.push(() => odd.close());
    await open(odd.port);
    expect(await get("http://tea.example/")).toMatch(/^(?:HTTP\/1\.1 (?:200|502) .*)?$/s);
    expect((await openTunnel("tea.example:443")).status).toBe("200");
  });

  test.for(["X: \u0001", "X: \u00ff", "Upgrade: websocket", "Expect: 100-continue", "Transfer-Encoding: x", ": x"])(
    "survives a client that sends the header %j, and serves the next one",
    async (header) => {
      await get("http://tea.example/", `${header}\r\n`);
      expect(await get("http://tea.example/")).toMatch(/^HTTP\/1\.1 200 /);
    },
  );
});

describe("[R50] CONNECT", () => {
  test("carries bytes both ways, and either side may end first", async () => {
    const server = await startRawServer((socket) => {
      void buffer(socket).then((bytes) => socket.end(`got ${bytes.length}`));
    });
    ends.push(() => server.close());
    await open(server.port);
    const { status, socket } = await openTunnel("tea.example:443");
    expect(status).toBe("200");
    socket.end(Buffer.alloc(3_000_000));
    expect(await text(socket)).toBe("got 3000000");
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:443`]);
  });

  test("makes a fast sender wait for a slow reader", async () => {
    const sent = { bytes: 0 };
    const server = await startRawServer((socket) => {
      const fill = () => {
        while (socket.write(Buffer.alloc(65_536))) sent.bytes += 65_536;
        socket.once("drain", fill);
      };
      fill();
    });
    ends.push(() => server.close());
    await open(server.port);
    const { socket } = await openTunnel("tea.example:443");
    socket.pause();
    const size = await vi.waitFor(async () => {
      const before = sent.bytes;
      await new Promise((resolve) => setImmediate(resolve));
      const [peer] = server.sockets;
      expect(peer?.writableNeedDrain).toBe(true);
      expect(sent.bytes).toBe(before);
      return before;
    });
    // The buffers of a few sockets, not what a server can send.
    expect(size).toBeLessThan(64 * 1024 * 1024);
  });

  test.for(["tea.example", "tea.example:", "tea.example:0", "http://tea.example:443", "/", "a b:443", ":443"])(
    "%s is no host and port",
    async (authority) => {
      expect(await send(`CONNECT ${authority} HTTP/1.1\r\nHost: tea.example:443\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
      expect(outside.connected).toEqual([]);
    },
  );
});

const LOCAL = [
  "127.0.0.1",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "0.0.0.0",
  "0",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[64:ff9b::7f00:1]",
  "169.254.169.254",
  "[fe80::1]",
  "[fd00:ec2::254]",
  "①②⑦.⓪.⓪.①",
];

describe("[security 23] [security 24] the node and its local network", () => {
  test.for(LOCAL)("%s is reached by no kind of request, listed or not", async (host) => {
    for (const hosts of [[], ["127.0.0.1", "[::1]", "169.254.169.254", "localhost", "*.example"]]) {
      proxy.use(createUse({ mode: "open", hosts }, refused));
      expect(await send(`CONNECT ${host}:443 HTTP/1.1\r\nHost: tea.example\r\n\r\n`)).toMatch(/^HTTP\/1\.1 40[03] /);
      expect(await get(`http://${host}/`)).toMatch(/^HTTP\/1\.1 40[03] /);
    }
    expect(outside.connected).toEqual([]);
  });

  test("a name with such an address is refused, also with others among its addresses", async () => {
    outside.names.set("rebind.example", [["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"]]);
    expect(await get("http://rebind.example/")).toMatch(/^HTTP\/1\.1 403 /);
    outside.names.set("mixed.example", [["127.0.0.1", PUBLIC_ADDRESS]]);
    expect(await get("http://mixed.example/")).toMatch(/^HTTP\/1\.1 200 /);
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:80`]);
  });

  test("[R50] a name that changes its address between look-ups is looked up once, and the checked address is used", async () => {
    outside.names.set("rebind.example", [[PUBLIC_ADDRESS], ["127.0.0.1"]]);
    expect((await openTunnel("rebind.example:443")).status).toBe("200");
    expect((await openTunnel("rebind.example:443")).status).toBe("403");
    expect(outside.lookedUp.filter((name) => name === "rebind.example")).toHaveLength(2);
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:443`]);
  });

  test("the node's own addresses and the control plane's are refused by every name", async () => {
    outside.own = ["198.51.100.7"];
    outside.names.set("node.example", [["198.51.100.7"]]);
    outside.names.set("front.example", [["104.16.0.1"]]);
    for (const host of ["node.example", "198.51.100.7", "samovar.example", "front.example", "104.16.0.1"])
      expect((await openTunnel(`${host}:443`)).status).toBe("403");
    expect(outside.connected).toEqual([]);
    expect(refused.map(({ reason }) => reason)).toEqual([
      "forbidden",
      "forbidden",
      "control-plane",
      "control-plane",
      "control-plane",
    ]);
  });
});

describe("[R50] the session's policy", () => {
  test("an allow-list lets listed hosts out, and looks up no other name", async () => {
    proxy.use(createUse({ mode: "allow-list", hosts: ["tea.example:443"] }, refused));
    expect((await openTunnel("tea.example:443")).status).toBe("200");
    expect((await openTunnel("git.example:22")).status).toBe("200");
    outside.lookedUp.length = 0;
    const answer = await send("CONNECT stolen-data.evil.example:443 HTTP/1.1\r\nHost: tea.example\r\n\r\n");
    expect(answer).toContain("Refused a connection to stolen-data.evil.example:443: the project's egress allows only");
    expect(outside.lookedUp).toEqual([]);
    expect(refused).toEqual([{ target: { host: "stolen-data.evil.example", port: 443 }, reason: "not-listed" }]);
  });

  test("a closed one reaches the repository's host alone", async () => {
    proxy.use(createUse(CLOSED, refused));
    expect((await openTunnel("git.example:443")).status).toBe("200");
    expect((await openTunnel("tea.example:443")).status).toBe("403");
    expect(outside.connected).toEqual([`${PUBLIC_ADDRESS}:443`]);
  });

  test("before the session has begun, nothing is looked up or reached", async () => {
    await open(web.port, null);
    expect((await openTunnel("tea.example:443")).status).toBe("503");
    expect(await get("http://tea.example/")).toMatch(/^HTTP\/1\.1 503 /);
    expect([...outside.lookedUp, ...outside.connected]).toEqual([]);
  });
});

describe("its bounds", () => {
  test("headers", async () => {
    expect(await get("http://tea.example/", `X: ${"x".repeat(HEADERS_MAX_BYTES)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
    expect(outside.connected).toEqual([]);
  });

  test("connections at a time", async () => {
    const sockets: Socket[] = [];
    ends.push(() => sockets.forEach((socket) => socket.destroy()));
    for (let count = 0; count < MAX_CONNECTIONS; count++) {
      const socket = connect(proxy.port, "127.0.0.1").on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
    }
    for (const socket of sockets.slice(0, 1)) {
      socket.write("CONNECT tea.example:443 HTTP/1.1\r\nHost: x\r\n\r\n");
      await once(socket, "data");
    }
    expect(await send("CONNECT tea.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")).toBe("");
  });

  test("requests that a client sends without waiting for their answers", async () => {
    const silent = await startRawServer(() => {});
    ends.push(() => silent.close());
    await open(silent.port);
    const socket = connect(proxy.port, "127.0.0.1").on("error", () => {});
    ends.push(() => socket.destroy());
    const count = MAX_CONNECTIONS + 50;
    socket.write("GET http://tea.example/ HTTP/1.1\r\nHost: x\r\n\r\n".repeat(count));
    // The first of them waits for its server. One more client is refused, whose request came after all of these.
    await vi.waitFor(() => expect(outside.connected).toHaveLength(MAX_CONNECTIONS));
    expect(await get("http://tea.example/")).toMatch(/^HTTP\/1\.1 503 .*Too many connections are open\./s);
    expect(outside.connected).toHaveLength(MAX_CONNECTIONS);
  });

  test("the addresses of a name that it tries", async () => {
    const dead = await startRawServer(() => {});
    await dead.close();
    await open(dead.port);
    outside.names.set("many.example", [["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4", "1.0.0.5"]]);
    expect((await openTunnel("many.example:443")).status).toBe("502");
    expect(outside.connected).toHaveLength(4);
  });

  test("at its end, all connections on both sides are gone, and no more is opened", async () => {
    const server = await startRawServer(() => {});
    ends.push(() => server.close());
    await open(server.port);
    const { socket } = await openTunnel("tea.example:443");
    await vi.waitFor(() => expect(server.sockets.size).toBe(1));
    const ended = [socket, ...server.sockets].map((each) => once(each.resume(), "end"));
    expect(ended).toHaveLength(2);
    await proxy.close();
    await Promise.all(ended);
    expect(await send("CONNECT tea.example:443 HTTP/1.1\r\n\r\n")).toBe("");
  });

  test("a client that leaves takes its connection to outside with it", async () => {
    const server = await startRawServer(() => {});
    ends.push(() => server.close());
    await open(server.port);
    const { socket } = await openTunnel("tea.example:443");
    await vi.waitFor(() => expect(server.sockets.size).toBe(1));
    const ended = [...server.sockets].map((each) => once(each.resume(), "end"));
    expect(ended).toHaveLength(1);
    socket.destroy();
    await Promise.all(ended);
  });
});
