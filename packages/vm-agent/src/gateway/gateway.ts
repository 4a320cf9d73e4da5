/**
 * The loopback model gateway: the agent gets an address and a key of its own, the real key stays in this process.
 * Passes on the Messages API only, streaming both ways. Keeps S1.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, request as requestHttp } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import { pipeline } from "node:stream";
import type { Logger, Random } from "@samovar/base";
import type { ModelCredential } from "@samovar/contracts";

export interface Gateway {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** What the agent must show. */
  readonly key: string;
  close(): Promise<void>;
}

export interface GatewayPorts {
  readonly credential: ModelCredential;
  readonly random: Random;
  readonly log: Logger;
}

const DEFAULT_UPSTREAM = "https://api.anthropic.com";
const OAUTH_BETA = "oauth-2025-04-20";
const BODY_MAX_BYTES = 64 * 1024 * 1024;
const MAX_CONNECTIONS = 64;
/** Without a byte from the upstream. */
const SILENCE_MS = 600_000;

const PATHS = /^\/v1\/(messages|models)(\/[A-Za-z0-9._-]+)*$/;
const DROPPED_REQUEST_HEADERS = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "authorization",
  "x-api-key",
  "cookie",
  "expect",
]);
const DROPPED_REPLY_HEADERS = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "set-cookie",
]);

/** Listens on a free port of the loopback address. */
export async function startGateway({ credential, random, log }: GatewayPorts): Promise<Gateway> {
  const key = `sk-samovar-${Buffer.from(random.bytes(24)).toString("base64url")}`;
  const upstream = new URL(credential.baseUrl ?? DEFAULT_UPSTREAM);
  const server = createServer((request, response) => {
    const path = admit(request, key);
    if (typeof path === "number") refuse(request, response, path);
    else pass({ request, response, upstream, path, credential, log });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, key, close: () => close(server) };
}

/** The path to ask upstream, or the status of the refusal. */
function admit(request: IncomingMessage, key: string): string | number {
  if (!showsKey(request, key)) return 401;
  const url = request.url ?? "";
  const path = url.split("?", 1)[0] ?? "";
  if (!PATHS.test(path) || path.split("/").some((part) => part === "." || part === "..")) return 404;
  if (request.method !== "GET" && request.method !== "POST") return 405;
  if (Number(request.headers["content-length"] ?? 0) > BODY_MAX_BYTES) return 413;
  return url;
}

function showsKey({ headers }: IncomingMessage, key: string): boolean {
  const apiKey = headers["x-api-key"];
  const shown = typeof apiKey === "string" ? apiKey : (headers.authorization ?? "").replace(/^bearer /i, "");
  const [a, b] = [Buffer.from(shown), Buffer.from(key)];
  return a.length === b.length && timingSafeEqual(a, b);
}

interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upstream: URL;
  readonly path: string;
  readonly credential: ModelCredential;
  readonly log: Logger;
}

function pass({ request, response, upstream, path, credential, log }: Passage): void {
  const send = upstream.protocol === "https:" ? requestHttps : requestHttp;
  const target = new URL(upstream.pathname.replace(/\/$/, "") + path, upstream);
  const onward = send(target, { method: request.method, headers: onwardHeaders(request, credential) });
  let bytes = 0;
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes > BODY_MAX_BYTES) onward.destroy(new Error("the request is too large"));
  });
  onward.setTimeout(SILENCE_MS, () => onward.destroy(new Error("the model said nothing for too long")));
  onward.on("response", (reply) => {
    response.writeHead(reply.statusCode ?? 502, kept(reply.headers, DROPPED_REPLY_HEADERS));
    response.flushHeaders();
    pipeline(reply, response, () => onward.destroy());
  });
  onward.on("error", (error) => {
    log.warn("gateway.upstream_failed", { error: error.message });
    if (response.headersSent) response.destroy();
    else refuse(request, response, bytes > BODY_MAX_BYTES ? 413 : 502);
  });
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}

function onwardHeaders(request: IncomingMessage, credential: ModelCredential): OutgoingHttpHeaders {
  const headers = kept(request.headers, DROPPED_REQUEST_HEADERS);
  if (credential.apiKey !== undefined) return { ...headers, "x-api-key": credential.apiKey };
  if (credential.kind !== "anthropic" || credential.oauthToken === undefined) return headers;
  const betas = [headers["anthropic-beta"], OAUTH_BETA].filter((beta) => typeof beta === "string");
  return { ...headers, authorization: `Bearer ${credential.oauthToken}`, "anthropic-beta": betas.join(",") };
}

const kept = (headers: OutgoingHttpHeaders, dropped: ReadonlySet<string>): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));

const REFUSALS: Readonly<Record<number, { readonly type: string; readonly message: string }>> = {
  401: { type: "authentication_error", message: "this gateway serves its own session only" },
  404: { type: "not_found_error", message: "this gateway passes on the Messages API only" },
  405: { type: "invalid_request_error", message: "only GET and POST are passed on" },
  413: { type: "request_too_large", message: `a request may have ${BODY_MAX_BYTES} bytes at most` },
  502: { type: "api_error", message: "the model's address could not be reached" },
};

/** In the shape of the Messages API, so that the agent shows the reason. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify({ type: "error", error: REFUSALS[status] ?? { type: "api_error", message: "refused" } }));
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the gateway has no port");
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
