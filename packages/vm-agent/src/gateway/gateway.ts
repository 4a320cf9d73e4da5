/**
 * The loopback model gateway: the agent gets a local address and a generated key; the real key stays in this process.
 * Forwards model calls of the one API that its credential is for, streaming both ways. Keeps S1.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer, request as requestHttp } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, Server, ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import { pipeline } from "node:stream";
import type { Logger, Random } from "@samovar/base";
import { systemClock } from "@samovar/base";
import type { ModelApi, ModelCredential } from "@samovar/contracts";
import { admitTarget } from "./admission.ts";
import type { Admission } from "./admission.ts";
import { estimateCall } from "./call-estimate.ts";
import { HeldBodies } from "./held-bodies.ts";
import type { ModelApiRules } from "./model-apis.ts";
import { MODEL_APIS, getCredentialHeaders } from "./model-apis.ts";
import { type Listen, listenOnLoopback } from "../listen.ts";
import { createReplyMeter } from "./reply-meter.ts";
import { SessionMeter } from "./session-meter.ts";
import { isCharged } from "./usage-readers.ts";

export interface Gateway {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** The key that the agent must send. */
  readonly key: string;
  /** Counts what passes, and keeps the session's limits. */
  readonly meter: SessionMeter;
  /** Sets the credential. Until then, requests are refused as unavailable. Throws for another API's credential. */
  use(credential: ModelCredential): void;
  close(): Promise<void>;
}

export interface GatewayPorts {
  readonly api: ModelApi;
  readonly random: Random;
  readonly log: Logger;
  /** Where it listens; on the node's loopback by default. */
  readonly listen?: Listen;
}

const BODY_MAX_BYTES = 64 * 1024 * 1024;
/** Of all calls that wait for room in their session's limits. */
const HELD_MAX_BYTES = 2 * BODY_MAX_BYTES;
const TOO_LARGE = `a request may have at most ${BODY_MAX_BYTES} bytes`;
const MAX_CONNECTIONS = 64;
/** How long the upstream may send nothing. */
const UPSTREAM_TIMEOUT_MS = 600_000;

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
  "x-goog-api-key",
  "cookie",
  "expect",
  // The reply's usage is read while it passes, so it must not be compressed.
  "accept-encoding",
  // Some upstreams let these replace the method.
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
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

export async function startGateway(ports: GatewayPorts): Promise<Gateway> {
  const { api: kind, random, log, listen = listenOnLoopback } = ports;
  const key = `sk-samovar-${Buffer.from(random.bytes(24)).toString("base64url")}`;
  const api = MODEL_APIS[kind];
  const meter = new SessionMeter(systemClock);
  const bodies = new HeldBodies(BODY_MAX_BYTES, HELD_MAX_BYTES);
  let credential: ModelCredential | null = null;
  const server = createServer((request, response) => {
    const exchange = { request, response, api };
    const admission = admit(request, api, key);
    if (!admission.ok) refuse(exchange, admission.status, admission.reason);
    else if (credential === null) refuse(exchange, 503, "the gateway has no credential yet");
    else if (meter.refusal !== null) refuse(exchange, 402, meter.refusal);
    else if (meter.isLimited && isCharged(kind, admission.path))
      void forwardWithin({ ...exchange, path: admission.path, credential, meter, log }, bodies);
    else forward({ ...exchange, path: admission.path, credential, meter, log });
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.requestTimeout = 0;
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    key,
    meter,
    use: (given) => {
      if (given.kind !== kind)
        throw new Error(`a credential for the ${given.kind} API at a gateway for the ${kind} API`);
      credential = given;
    },
    close: () => close(server),
  };
}

function admit(request: IncomingMessage, api: ModelApiRules, key: string): Admission {
  const { method, url, headers } = request;
  if (!isSame(api.readKey(headers) ?? "", key)) {
    return { ok: false, status: 401, reason: "this gateway serves only its own session" };
  }
  if (Number(headers["content-length"] ?? 0) > BODY_MAX_BYTES) return { ok: false, status: 413, reason: TOO_LARGE };
  return admitTarget({ method, url, host: headers.host }, api);
}

function isSame(shown: string, key: string): boolean {
  const [a, b] = [Buffer.from(shown), Buffer.from(key)];
  return a.length === b.length && timingSafeEqual(a, b);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly api: ModelApiRules;
}

interface Forwarding extends Exchange {
  readonly path: string;
  readonly credential: ModelCredential;
  readonly meter: SessionMeter;
  readonly log: Logger;
}

/** Forwards the call when the session's limits leave room for it beside the calls that are under way. */
async function forwardWithin(call: Forwarding, bodies: HeldBodies): Promise<void> {
  const { request, response, path, meter } = call;
  const leaving = new AbortController();
  response.once("close", () => leaving.abort());
  const body = await bodies.read(request);
  if (!body.ok) return refuse(call, body.error.status, body.error.reason);
  const { bytes, release } = body.value;
  const end = await meter.reserve(estimateCall(path, bytes), leaving.signal);
  if (end !== null) {
    return forward(call, bytes, () => {
      release();
      end();
    });
  }
  release();
  if (!leaving.signal.aborted) refuse(call, 402, meter.refusal ?? "the session's limit is reached");
}

/** `body`: null to pass it on while it comes. `onOver`: called once the call is over and counted. */
function forward(call: Forwarding, body: Buffer | null = null, onOver: () => void = () => {}): void {
  const { request, response, api, path, credential, meter, log } = call;
  const target = api.getTarget(path, credential.baseUrl);
  const send = target.protocol === "https:" ? requestHttps : requestHttp;
  const upstream = send(target, { method: request.method, headers: getUpstreamHeaders(request, credential) });
  let bytes = 0;
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes > BODY_MAX_BYTES) upstream.destroy(new Error("the request is too large"));
  });
  upstream.setTimeout(UPSTREAM_TIMEOUT_MS, () => upstream.destroy(new Error("the model sent nothing for too long")));
  upstream.on("response", (reply) => {
    if (!passHead(reply, response)) return void upstream.destroy(new Error("the model's answer is not valid HTTP"));
    response.flushHeaders();
    follow(reply, { api: credential.kind, path }, meter);
    reply.once("close", onOver);
    pipeline(reply, response, () => upstream.destroy());
  });
  upstream.on("error", (error) => {
    onOver();
    log.warn("gateway.upstream_failed", { error: error.message });
    if (response.headersSent) response.destroy();
    else if (bytes > BODY_MAX_BYTES) refuse({ request, response, api }, 413, TOO_LARGE);
    else refuse({ request, response, api }, 502, "the model's address could not be reached");
  });
  response.on("close", () => upstream.destroy());
  if (body === null) request.pipe(upstream);
  else upstream.end(body);
}

/** Reads along: each part is metered before it is passed on, so that a limit holds for the call that answers it. */
function follow(reply: IncomingMessage, call: Parameters<typeof createReplyMeter>[0], meter: SessionMeter): void {
  const { statusCode: status = 502, headers } = reply;
  const head = { status, contentType: headers["content-type"], contentEncoding: headers["content-encoding"] };
  const replyMeter = createReplyMeter(call, head, (usage) => meter.count(usage));
  if (replyMeter === null) return;
  reply.on("data", (part: Buffer) => replyMeter.push(part));
  reply.once("end", () => replyMeter.end()).once("close", () => replyMeter.end());
}

function getUpstreamHeaders(request: IncomingMessage, credential: ModelCredential): OutgoingHttpHeaders {
  const headers = omitHeaders(request.headers, DROPPED_REQUEST_HEADERS);
  return { ...headers, "accept-encoding": "identity", ...getCredentialHeaders(credential, headers) };
}

/** False for what Node reads and does not write, such as a status of 99. */
function passHead(reply: IncomingMessage, response: ServerResponse): boolean {
  try {
    response.writeHead(reply.statusCode ?? 502, omitHeaders(reply.headers, DROPPED_REPLY_HEADERS));
    return true;
  } catch {
    return false;
  }
}

const omitHeaders = (headers: OutgoingHttpHeaders, dropped: ReadonlySet<string>): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.has(name)));

function refuse({ request, response, api }: Exchange, status: number, reason: string): void {
  request.resume();
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify(api.createRefusal(status, reason)));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
