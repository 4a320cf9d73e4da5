/** `CONNECT`: a connection to outside whose bytes are not read. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { readAuthority } from "@samovar/domain/egress";
import type { EgressConnector } from "./connector.ts";
import { IDLE_TIMEOUT_MS } from "./limits.ts";

export interface TunnelRequest {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  /** What was sent after the request's headers. */
  readonly head: Buffer;
}

export async function tunnel({ request, socket, head }: TunnelRequest, connector: EgressConnector): Promise<void> {
  socket.on("error", () => {
    // The client is gone; its close ends the other side.
  });
  // The request's target alone counts. Its `Host` could name another one.
  const target = readAuthority(request.url ?? "");
  if (target === null) return refuse(socket, "400 Bad Request", "CONNECT needs a host and a port.");
  const opened = await connector.open(target);
  if (!opened.ok) return refuse(socket, STATUS[opened.status], opened.message);
  if (socket.destroyed) return void opened.socket.destroy();
  socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
  opened.socket.write(head);
  join(socket, opened.socket);
}

const STATUS = { 403: "403 Forbidden", 502: "502 Bad Gateway", 503: "503 Service Unavailable" } as const;

function refuse(socket: Socket, status: string, sentence: string): void {
  const body = `${sentence}\n`;
  const headers = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`);
  socket.resume();
}

/** Each side may end first. A slow reader makes the other side wait. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.setTimeout(IDLE_TIMEOUT_MS, () => from.destroy());
    // What was read of it is still written.
    from.once("close", () => to.destroySoon());
  }
}
