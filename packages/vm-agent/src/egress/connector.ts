/**
 * Opens a workspace's connections to outside: decides by the name, looks it up once, decides by each address, and connects to a
 * checked address, never to a name. Until the session's rules are known, nothing is opened. Keeps S1 [R50].
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Logger } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { EgressRefusal, EgressRules, EgressTarget } from "@samovar/domain/egress";
import {
  decideAddresses,
  decideName,
  describeRefusal,
  formatTarget,
  getLiteralAddress,
  readEgressTarget,
} from "@samovar/domain/egress";
import { CONNECT_TIMEOUT_MS, MAX_ATTEMPTS, MAX_CONNECTIONS } from "./limits.ts";

export interface ConnectorPorts {
  /** All addresses of a name, in the order in which they are tried. Rejects when there is none. */
  resolve(host: string): Promise<readonly string[]>;
  /** Starts to connect. The socket is half-open, so that each side may end first. */
  connect(address: string, port: number): Socket;
  /** Of all the node's interfaces, at this moment. */
  listOwnAddresses(): readonly string[];
  readonly log: Logger;
}

/** What a session knows when it begins. */
export interface EgressUse {
  readonly rules: EgressRules;
  onRefused(target: EgressTarget, reason: EgressRefusal): void;
}

export type Opened =
  | { readonly ok: true; readonly socket: Socket }
  /** `status`: of HTTP. `message`: a sentence. */
  | { readonly ok: false; readonly status: 403 | 502 | 503; readonly message: string };

export class EgressConnector {
  readonly #ports: ConnectorPorts;
  readonly #sockets = new Set<Socket>();
  /** Connections that are being decided, connected, or open. */
  #active = 0;
  #use: EgressUse | null = null;
  #isClosed = false;

  constructor(ports: ConnectorPorts) {
    this.#ports = ports;
  }

  use(use: EgressUse): void {
    this.#use = use;
  }

  /** Destroys all connections and opens no more. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Never throws. A socket that it returns has an error listener. */
  async open(target: EgressTarget): Promise<Opened> {
    const use = this.#use;
    if (use === null) return fail(503, "The session has not begun; nothing outside is reached yet.");
    // One client may send many requests without waiting for their answers.
    if (this.#active >= MAX_CONNECTIONS) return fail(503, "Too many connections are open.");
    this.#active += 1;
    const opened = await this.#open(target, use);
    if (opened.ok && !opened.socket.closed) opened.socket.once("close", () => this.#active--);
    else this.#active -= 1;
    return opened;
  }

  async #open(target: EgressTarget, use: EgressUse): Promise<Opened> {
    const name = decideName(target, use.rules);
    if (!name.ok) return this.#refuse(target, name.reason);
    const found = await this.#resolve(target);
    if (found.length === 0) return fail(502, `${target.host} has no address.`);
    const reserved = {
      own: this.#ports.listOwnAddresses(),
      controlPlane: await this.#resolveControlPlane(use.rules.controlPlaneHost),
    };
    const decided = decideAddresses(found, name, reserved);
    if (!decided.ok) return this.#refuse(target, decided.reason);
    return this.#connectToOne(target, decided.addresses.slice(0, MAX_ATTEMPTS));
  }

  #refuse(target: EgressTarget, reason: EgressRefusal): Opened {
    if (!this.#isClosed) this.#use?.onRefused(target, reason);
    return fail(403, describeRefusal(target, reason));
  }

  async #connectToOne(target: EgressTarget, addresses: readonly string[]): Promise<Opened> {
    for (const address of addresses) {
      const socket = await this.#connect(address, target.port);
      if (socket !== null) return { ok: true, socket };
    }
    return fail(502, `${formatTarget(target)} could not be reached.`);
  }

  /** Null when it cannot be reached. */
  async #connect(address: string, port: number): Promise<Socket | null> {
    if (this.#isClosed) return null;
    const socket = this.#ports.connect(address, port);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // Also for errors after the connection; its end is seen by its close.
    socket.on("error", (error) => this.#ports.log.debug("egress.connection_failed", { error: error.message }));
    const onTimeout = () => void socket.destroy();
    socket.setTimeout(CONNECT_TIMEOUT_MS, onTimeout);
    const connected = once(socket, "connect").then(() => true);
    const isConnected = await Promise.race([connected, once(socket, "close").then(() => false)]).catch(() => false);
    socket.setTimeout(0).off("timeout", onTimeout);
    return isConnected ? socket : null;
  }

  async #resolve(target: EgressTarget): Promise<readonly string[]> {
    const literal = getLiteralAddress(target);
    if (literal !== null) return [literal];
    try {
      return await this.#ports.resolve(target.host);
    } catch (error) {
      this.#ports.log.debug("egress.not_resolved", { host: target.host, error: errorMessage(error) });
      return [];
    }
  }

  /** Asked each time, because its addresses may change during a session. */
  async #resolveControlPlane(host: string): Promise<readonly string[]> {
    const target = readEgressTarget(host, 443);
    return target === null ? [] : this.#resolve(target);
  }
}

const fail = (status: 403 | 502 | 503, message: string): Opened => ({ ok: false, status, message });
