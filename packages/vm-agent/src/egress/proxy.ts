/**
 * The egress proxy of one workspace: an HTTP proxy for `CONNECT` and for plain requests, in the session host, so that no program
 * of the workspace can change what it decides. It is a workspace's only way out. Keeps S1 [R50].
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Listen } from "../listen.ts";
import { EgressConnector } from "./connector.ts";
import type { ConnectorPorts, EgressUse } from "./connector.ts";
import { forward } from "./forward.ts";
import { HEADERS_MAX_BYTES, HEADERS_TIMEOUT_MS, IDLE_TIMEOUT_MS, MAX_CONNECTIONS } from "./limits.ts";
import { tunnel } from "./tunnel.ts";

export interface EgressProxy {
  /** On 127.0.0.1, as the workspace sees it. */
  readonly port: number;
  /** Sets the session's rules. Until then, everything is refused as unavailable. */
  use(use: EgressUse): void;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface EgressProxyPorts extends ConnectorPorts {
  readonly listen: Listen;
}

export async function startEgressProxy(ports: EgressProxyPorts): Promise<EgressProxy> {
  const connector = new EgressConnector(ports);
  const clients = new Set<Socket>();
  const server = createServer({ maxHeaderSize: HEADERS_MAX_BYTES, headersTimeout: HEADERS_TIMEOUT_MS });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.on("connection", (socket) => {
    clients.add(socket);
    socket.once("close", () => clients.delete(socket));
  });
  // Whatever a program sends ends at most its own connection.
  server.on("request", (request, response) => {
    forward(request, response, connector).catch(() => request.socket.destroy());
  });
  server.on("connect", (request, socket: Socket, head) => {
    tunnel({ request, socket, head }, connector).catch(() => socket.destroy());
  });
  const port = await ports.listen(server);
  return {
    port,
    use: (use) => connector.use(use),
    close: async () => {
      connector.close();
      for (const socket of clients) socket.destroy();
      await close(server);
    },
  };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
