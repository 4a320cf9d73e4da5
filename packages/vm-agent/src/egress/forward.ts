/** Plain requests: `GET http://host/path`. The host to reach is the target's; the client's `Host` is replaced by it. */
import { request as requestHttp } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import { readEgressTarget } from "@samovar/domain/egress";
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

const NO_URL = "This is a proxy. It takes http:// addresses, and CONNECT for everything else.";

export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  connector: EgressConnector,
): Promise<void> {
  const url = readUrl(request.url ?? "");
  const target = url === null ? null : readEgressTarget(url.hostname, url.port === "" ? 80 : Number(url.port));
  if (url === null || target === null) return refuse(request, response, { status: 400, message: NO_URL });
  const opened = await connector.open(target);
  if (!opened.ok) return refuse(request, response, opened);
  const { socket } = opened;
  if (response.destroyed) return void socket.destroy();
  const upstream = requestHttp({
    createConnection: () => socket,
    method: request.method,
    path: `${url.pathname}${url.search}`,
    headers: { ...keepEndToEnd(request), host: url.host },
  });
  upstream.setTimeout(IDLE_TIMEOUT_MS, () => upstream.destroy());
  upstream.on("response", (reply) => {
    response.writeHead(reply.statusCode ?? 502, reply.statusMessage, keepEndToEnd(reply));
    pipeline(reply, response, () => socket.destroy());
  });
  upstream.on("error", () => {
    if (response.headersSent) response.destroy();
    else refuse(request, response, { status: 502, message: `${url.host} did not answer.` });
  });
  response.once("close", () => socket.destroy());
  request.pipe(upstream);
}

/** Null for anything but an absolute http address without a user. */
function readUrl(target: string): URL | null {
  if (!/^http:\/\//i.test(target) || !URL.canParse(target)) return null;
  const url = new URL(target);
  return url.username === "" && url.password === "" ? url : null;
}

function keepEndToEnd({ headersDistinct: headers }: IncomingMessage): OutgoingHttpHeaders {
  const named = (headers["connection"] ?? []).flatMap((value) => value.toLowerCase().split(",").map((one) => one.trim()));
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
