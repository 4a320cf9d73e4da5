/** For tests: servers on loopback as the Internet, with names and public addresses that only these tests know. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import type { EgressPolicy } from "@samovar/contracts";
import type { EgressRefusal, EgressTarget } from "@samovar/domain/egress";
import { listenOnLoopback } from "../listen.ts";
import type { ConnectorPorts, EgressUse } from "./connector.ts";

/** A public address, which no test ever connects to. */
export const PUBLIC_ADDRESS = "93.184.216.34";

export interface Outside extends Omit<ConnectorPorts, "log"> {
  /** Addresses by name. A name's list is taken from the front at each look-up; its last one stays. */
  readonly names: Map<string, readonly string[][]>;
  /** Each look-up. */
  readonly lookedUp: string[];
  /** Each connection, as `address:port`. */
  readonly connected: string[];
  own: readonly string[];
}

/** Connections to any address and port end at the server on this port of loopback; to 0, they never connect. */
export function createOutside(port: number): Outside {
  const names: Outside["names"] = new Map();
  const lookedUp: string[] = [];
  const connected: string[] = [];
  return {
    names,
    lookedUp,
    connected,
    own: [],
    resolve: async (host) => {
      lookedUp.push(host);
      const [now, ...later] = names.get(host) ?? [];
      if (now === undefined) throw new Error("ENOTFOUND");
      if (later.length > 0) names.set(host, later);
      return now;
    },
    connect: (address, wanted) => {
      connected.push(`${address}:${wanted}`);
      return connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    },
    listOwnAddresses() {
      return this.own;
    },
  };
}

export interface Refused {
  readonly target: EgressTarget;
  readonly reason: EgressRefusal;
}

/** The use of a session with this policy; what it refuses is added to `refused`. */
export function createUse(policy: EgressPolicy, refused: Refused[] = []): EgressUse {
  return {
    rules: { policy, repositoryHost: "git.example", controlPlaneHost: "samovar.example" },
    onRefused: (target, reason) => void refused.push({ target, reason }),
  };
}

export interface EchoServer {
  readonly port: number;
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

/** Answers each request with its method, path, `Host` and body. */
export async function startWebServer(): Promise<EchoServer> {
  const requests: IncomingMessage[] = [];
  const server = createHttpServer((request, response) => {
    requests.push(request);
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.setHeader("connection", "x-hop, keep-alive");
    response.setHeader("x-hop", "one connection's");
    response.write(`${request.method} ${request.url} ${request.headers.host}\n`);
    request.pipe(response);
  });
  const port = await listenOnLoopback(server);
  return {
    port,
    requests,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await Promise.resolve();
    },
  };
}

/** A server on loopback for raw connections. */
export async function startRawServer(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    serve(socket);
  });
  const port = await listenOnLoopback(server);
  return {
    port,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
