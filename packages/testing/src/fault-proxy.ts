/**
 * A proxy on loopback that goes wrong on purpose: for HTTP and for WebSockets. The fault most worth having is
 * `drop_reply`: the request took effect, and its caller never learns it.
 */
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  createServer,
  request as httpRequest,
} from "node:http";
import { type Socket, connect } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { assertNever, type Timers, systemTimers } from "@samovar/base";
import { closeServer, listenOnLoopback } from "./loopback.ts";

export type Fault =
  | { readonly kind: "pass" }
  /** The connection is reset; the target never hears of it. */
  | { readonly kind: "drop_request" }
  /** The target does it; its answer is thrown away and the connection reset. Of a WebSocket: the upgrade's answer. */
  | { readonly kind: "drop_reply" }
  /** The target gets it twice, one after the other; the second answer is passed on. HTTP only. */
  | { readonly kind: "duplicate" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Answered by the proxy; the target never hears of it. */
  | { readonly kind: "status"; readonly status: number; readonly body?: string }
  /** The connection is reset once so many bytes came back from the target (of a body, or of a WebSocket). */
  | { readonly kind: "cut_reply"; readonly afterBytes: number };

export interface Exchange {
  /** From 0, in the order in which they came. */
  readonly index: number;
  readonly transport: "http" | "websocket";
  readonly method: string;
  readonly path: string;
  readonly fault: Fault;
}

/** The faults of the first exchanges, in order (all later ones pass), or a decision for each. */
export type FaultSchedule = readonly Fault[] | ((exchange: Omit<Exchange, "fault">) => Fault);

export interface FaultProxy {
  readonly url: string;
  readonly exchanges: readonly Exchange[];
  /** Resets every connection that is open now; answers how many. */
  cutAll(): number;
  /** Sends what comes from now on elsewhere. */
  retarget(url: string): void;
  reschedule(schedule: FaultSchedule): void;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly stream: IncomingMessage;
}

const PASS: Fault = { kind: "pass" };

export interface FaultProxyOptions {
  readonly target: string;
  readonly schedule?: FaultSchedule;
  readonly timers?: Timers;
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const faults = new FaultyMiddle(options);
  const server = createServer((request, response) => void faults.serve(request, response));
  server.on("connection", (socket) => faults.track(socket));
  server.on("upgrade", (request, socket, head) => void faults.tunnel(request, socket, head));
  const url = await listenOnLoopback(server);
  return {
    url,
    exchanges: faults.exchanges,
    cutAll: () => faults.cutAll(),
    retarget: (next) => void (faults.target = new URL(next)),
    reschedule: (next) => void (faults.schedule = next),
    close: async () => {
      faults.cutAll();
      await closeServer(server);
    },
  };
}

class FaultyMiddle {
  readonly exchanges: Exchange[] = [];
  target: URL;
  schedule: FaultSchedule;
  readonly #timers: Timers;
  readonly #sockets = new Set<Duplex>();

  constructor({ target, schedule = [], timers = systemTimers }: FaultProxyOptions) {
    this.target = new URL(target);
    this.schedule = schedule;
    this.#timers = timers;
  }

  track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
  }

  cutAll(): number {
    const open = [...this.#sockets];
    for (const socket of open) reset(socket);
    return open.length;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#toProviderFault("http", request);
    try {
      await this.#answer(request, response, fault);
    } catch {
      // The target is away or broke off: so does this connection.
      reset(request.socket);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, fault: Fault): Promise<void> {
    const body = await buffer(request);
    const ask = () => forward(this.target, request, body);
    switch (fault.kind) {
      case "drop_request":
        return reset(request.socket);
      case "status":
        response.writeHead(fault.status, { "content-type": "application/json" }).end(fault.body ?? "{}");
        return;
      case "drop_reply":
        await buffer((await ask()).stream);
        return reset(request.socket);
      case "duplicate":
        await buffer((await ask()).stream);
        return passOn(await ask(), response);
      case "delay":
        await this.#pause(fault.delayMs);
        return passOn(await ask(), response);
      case "cut_reply":
        return passOn(await ask(), response, fault.afterBytes);
      case "pass":
        return passOn(await ask(), response);
      default:
        return assertNever(fault, "fault");
    }
  }

  async tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const fault = this.#toProviderFault("websocket", request);
    if (fault.kind === "drop_request") return reset(client);
    if (fault.kind === "status") {
      client.end(`HTTP/1.1 ${fault.status} Scripted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    if (fault.kind === "delay") await this.#pause(fault.delayMs);
    const upstream = connect(Number(this.target.port), this.target.hostname);
    this.track(upstream);
    upstream.write(headOf(request, this.target));
    upstream.write(head);
    upstream.once("close", () => reset(client));
    client.once("close", () => reset(upstream));
    client.pipe(upstream);
    relay(upstream, client, fault);
  }

  #toProviderFault(transport: Exchange["transport"], request: IncomingMessage): Fault {
    const seen = {
      index: this.exchanges.length,
      transport,
      method: request.method ?? "",
      path: request.url ?? "/",
    };
    const { schedule } = this;
    const fault = (typeof schedule === "function" ? schedule(seen) : schedule[seen.index]) ?? PASS;
    this.exchanges.push({ ...seen, fault });
    return fault;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(delayMs, resolve));
  }
}

function forward(target: URL, request: IncomingMessage, body: Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { ...request.headers, host: getHost(request, target) };
    const outgoing = httpRequest(
      { host: target.hostname, port: target.port, method: request.method, path: request.url, headers, agent: false },
      (stream) => resolve({ status: stream.statusCode ?? 502, headers: stream.headers, stream }),
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** Streams the answer on; resets the connection after `cutAfterBytes` of its body. */
async function passOn(reply: Reply, response: ServerResponse, cutAfterBytes = Number.POSITIVE_INFINITY): Promise<void> {
  response.writeHead(reply.status, reply.headers);
  response.flushHeaders();
  let left = cutAfterBytes;
  for await (const chunk of reply.stream) {
    const piece = Buffer.from(chunk);
    response.write(piece.subarray(0, Math.max(0, left)));
    left -= piece.length;
    if (left < 0) return resetAfterFlush(response);
  }
  response.end();
}

function relay(upstream: Socket, client: Duplex, fault: Fault): void {
  if (fault.kind === "drop_reply") {
    upstream.once("data", () => {
      reset(client);
      reset(upstream);
    });
    return;
  }
  let left = fault.kind === "cut_reply" ? fault.afterBytes : Number.POSITIVE_INFINITY;
  upstream.on("data", (chunk: Buffer) => {
    client.write(chunk.subarray(0, Math.max(0, left)));
    left -= chunk.length;
    if (left < 0) reset(upstream);
  });
}

function resetAfterFlush(response: ServerResponse): void {
  response.write("", () => reset(response.socket));
}

function reset(socket: Duplex | null): void {
  if (socket !== null && "resetAndDestroy" in socket && typeof socket.resetAndDestroy === "function")
    socket.resetAndDestroy();
  else socket?.destroy();
}

function headOf(request: IncomingMessage, target: URL): string {
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const name = request.rawHeaders[at] ?? "";
    lines.push(`${name}: ${name.toLowerCase() === "host" ? getHost(request, target) : request.rawHeaders[at + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The name that the caller used, unless it called the proxy by the proxy's own address. */
function getHost({ headers: { host }, socket }: IncomingMessage, target: URL): string {
  return host === undefined || host === `127.0.0.1:${socket.localPort}` ? target.host : host;
}
