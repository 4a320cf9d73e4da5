/** Plain requests: `GET http://host/path`. The host to reach is the target's; the client's `Host` is replaced by it. */
import { request as requestHttp } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { type EgressTarget, formatTarget, readEgressTarget } from "@samovar/domain/egress";
import type { EgressConnector } from "./connector.ts";
import { IDLE_TIMEOUT_MS } from "./limits.ts";

/** Those of one connection (RFC 9110, 7.6.1), and what only a proxy reads. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const HTTP_PORT = 80;
const NO_URL = "This is a proxy. It takes http:// addresses, and CONNECT for everything else.";

export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  connector: EgressConnector,
): Promise<void> {
  const asked = readRequestTarget(request.url ?? "");
  if (asked === null) return refuse(request, response, { status: 400, message: NO_URL });
  const { target, path } = asked;
  const opened = await connector.open(target);
  if (!opened.ok) return refuse(request, response, opened);
  const { socket } = opened;
  if (response.destroyed) return void socket.destroy();
  const host = target.port === HTTP_PORT ? target.host : formatTarget(target);
  const headers = { ...keepEndToEnd(request), ...frameBody(request), host };
  const upstream = requestHttp({ createConnection: () => socket, method: request.method, path, headers });
  upstream.setTimeout(IDLE_TIMEOUT_MS, () => upstream.destroy());
  upstream.on("response", (reply) => {
    if (passHead(reply, response)) pipeline(reply, response, () => socket.destroy());
    else response.destroy();
  });
  upstream.on("error", () => {
    // Its close follows. An answer that has begun is ended by the pipeline.
  });
  upstream.once("close", () => {
    if (!response.headersSent && !response.destroyed)
      refuse(request, response, { status: 502, message: `${host} did not answer.` });
  });
  response.once("close", () => socket.destroy());
  request.pipe(upstream);
}

interface RequestTarget {
  readonly target: EgressTarget;
  /** As it was sent. */
  readonly path: string;
}

/** Null for anything but an absolute http address without a user. */
function readRequestTarget(url: string): RequestTarget | null {
  const [, host = "", port = HTTP_PORT, path = ""] =
    /^http:\/\/(\[[^\]/]*\]|[^:/?#]*)(?::(\d{1,5}))?([/?][^#]*)?$/i.exec(url) ?? [];
  const target = readEgressTarget(host, Number(port));
  return target === null ? null : { target, path: path.startsWith("/") ? path : `/${path}` };
}

/** A body of unknown length stays one, also with a method that usually has none. */
const frameBody = ({ headers }: IncomingMessage): OutgoingHttpHeaders =>
  headers["transfer-encoding"] === undefined ? {} : { "transfer-encoding": "chunked" };

/** False for what Node does not write: another server may send anything. */
function passHead(reply: IncomingMessage, response: ServerResponse): boolean {
  try {
    response.writeHead(reply.statusCode ?? 502, keepEndToEnd(reply));
    return true;
  } catch {
    return false;
  }
}

function keepEndToEnd({ headersDistinct: headers }: IncomingMessage): OutgoingHttpHeaders {
  const named = (headers["connection"] ?? []).flatMap((value) =>
    value
      .toLowerCase()
      .split(",")
      .map((one) => one.trim()),
  );
  const dropped = new Set([...HOP_BY_HOP, "expect", ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, message }: { readonly status: number; readonly message: string },
): void {
  request.resume();
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(`${message}\n`);
}
