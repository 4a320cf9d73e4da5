/**
 * The link: the one WebSocket that the node dials, again and again. Events are on disk before they are sent and
 * stay until acknowledged; commands are on disk before they are acknowledged. So a cut anywhere loses nothing and
 * repeats nothing [R5][F43].
 */
import type { Clock, Logger, NodeId, Random, Timers, WorkspaceId } from "@samovar/base";
import { assertNever, backoffMs, errorMessage } from "@samovar/base";
import type { Command, ControlFrame, NodeCall, NodeFrame, NodeReply, WorkspaceToken } from "@samovar/contracts";
import { LIMITS, LINK_CLOSE, PROTOCOL_VERSION } from "@samovar/contracts";
import { cpus, totalmem } from "node:os";
import { WebSocket } from "ws";
import { reconnectLimits } from "../reconnect-limits.ts";
import type { DaemonStore } from "../store/store.ts";
import { readFrame, UNKNOWN_CALL } from "./frames.ts";

export interface LinkPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: DaemonStore;
}

export interface LinkEvents {
  /** Records the command and what it asks for, in one transaction; what follows is done later. */
  onCommand(command: Command): void;
  onUnknownCommand(command: { readonly n: number; readonly id: string; readonly kind: string }): void;
  /** Never rejects. */
  onCall(call: NodeCall): Promise<NodeReply>;
  onNodeToken(token: { readonly token: string; readonly expiresAt: number }): void;
  onWorkspaceTokens(tokens: readonly WorkspaceToken[]): void;
  /** Welcomed: what is appended from now on is sent at once. */
  onConnected(): void;
  onDisconnected(): void;
  /** This node is no more; the link has stopped for good. */
  onGone(): void;
}

export interface LinkOptions {
  readonly controlPlaneUrl: string;
  readonly nodeId: NodeId;
  readonly agentVersion: string;
  readonly epoch: number;
  /** The newest node token. */
  token(): string;
}

const PING_MS = 20_000;
const MISSED_PINGS_MAX = 2;
const HANDSHAKE_TIMEOUT_MS = 15_000;
/** Waits after a refusal that only a person, an upgrade or another process can end. */
const REFUSED_WAIT_MS = 30_000;

export class Link {
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #ports: LinkPorts;
  #connection: Connection | null = null;
  #failures = 0;
  #stopped = false;
  #cancelRedial = () => {};

  constructor(options: LinkOptions, events: LinkEvents, ports: LinkPorts) {
    this.#options = options;
    this.#events = events;
    this.#ports = ports;
    ports.store.onEvent(() => this.#connection?.sendEvents());
  }

  start(): void {
    this.#dial();
  }

  /** Closes the socket and dials no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRedial();
    this.#connection?.close(1000, "stopping");
  }

  /** Asks for fresh tokens; without a connection the next welcome brings them. */
  renew(workspaces: readonly WorkspaceId[]): void {
    this.#connection?.send({ type: "renew", workspaces: [...workspaces] });
  }

  #dial(): void {
    const connection = new Connection(this.#options, this.#events, this.#ports, {
      welcomed: () => {
        this.#failures = 0;
        this.#events.onConnected();
      },
      closed: (end) => this.#onClosed(connection, end),
    });
    this.#connection = connection;
  }

  #onClosed(connection: Connection, end: ConnectionEnd): void {
    if (this.#connection === connection) this.#connection = null;
    this.#events.onDisconnected();
    if (this.#stopped) return;
    const { logger, timers, random } = this.#ports;
    if (end.code === LINK_CLOSE.gone) {
      logger.warn("link.gone", { reason: end.reason });
      this.#stopped = true;
      return this.#events.onGone();
    }
    this.#failures++;
    const waitMs = end.refused
      ? REFUSED_WAIT_MS
      : backoffMs(this.#failures, reconnectLimits(this.#options.controlPlaneUrl), random.next());
    logger.info("link.lost", { code: end.code, reason: end.reason, failures: this.#failures, waitMs });
    this.#cancelRedial = timers.after(waitMs, () => this.#dial());
  }
}

interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  /** The other side answered and wants us no sooner than in a while. */
  readonly refused: boolean;
}

/** One socket, from dialling to its end. */
class Connection {
  welcomed = false;
  readonly #socket: WebSocket;
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #ports: LinkPorts;
  readonly #owner: { welcomed(): void; closed(end: ConnectionEnd): void };
  #sentUpTo = 0;
  #unanswered = 0;
  #refusal: string | null = null;
  #cancelTimer = () => {};

  constructor(
    options: LinkOptions,
    events: LinkEvents,
    ports: LinkPorts,
    owner: { welcomed(): void; closed(end: ConnectionEnd): void },
  ) {
    this.#options = options;
    this.#events = events;
    this.#ports = ports;
    this.#owner = owner;
    this.#socket = new WebSocket(`${options.controlPlaneUrl.replace(/^http/, "ws")}/api/nodes/${options.nodeId}/link`, {
      headers: { authorization: `Bearer ${options.token()}` },
      perMessageDeflate: false,
      maxPayload: LIMITS.linkFrameMaxBytes,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      followRedirects: false,
    });
    this.#listen();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    // A peer that does not answer the close must not hold us.
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.timers.after(2_000, () => this.#socket.terminate());
  }

  send(frame: NodeFrame): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  sendEvents(): void {
    if (!this.welcomed) return;
    for (const event of this.#ports.store.eventsAfter(this.#sentUpTo)) {
      this.send({ type: "event", event });
      this.#sentUpTo = event.n;
    }
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("unexpected-response", (request, response) => {
      this.#refusal = `status ${response.statusCode}`;
      const status = response.statusCode ?? 0;
      const refused = status >= 400 && status < 500 && status !== 408 && status !== 429;
      response.resume();
      request.destroy();
      this.#finish({ code: 1006, reason: this.#refusal, refused });
    });
    socket.on("open", () => {
      this.#hello();
      this.#cancelTimer = this.#ports.timers.after(HANDSHAKE_TIMEOUT_MS, () => this.#socket.terminate());
    });
    socket.on("message", (data, isBinary) => {
      this.#unanswered = 0;
      if (isBinary) return;
      this.#onText(Buffer.isBuffer(data) ? data.toString("utf8") : "");
    });
    socket.on("error", (error) => (this.#refusal ??= errorMessage(error)));
    socket.on("close", (code, reason) => {
      const refused = code === LINK_CLOSE.replaced || code === LINK_CLOSE.upgrade;
      this.#finish({ code, reason: reason.toString("utf8") || (this.#refusal ?? ""), refused });
    });
  }

  #ended = false;
  #finish(end: ConnectionEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.welcomed = false;
    this.#cancelTimer();
    this.#owner.closed(end);
  }

  #hello(): void {
    const { store } = this.#ports;
    this.send({
      type: "hello",
      protocol: PROTOCOL_VERSION,
      agentVersion: this.#options.agentVersion,
      epoch: this.#options.epoch,
      lastCommand: store.lastCommand(),
      resources: { cpus: cpus().length, memoryBytes: totalmem() },
      workspaces: store.workspaces().map((workspace) => workspace.id),
    });
  }

  #onText(text: string): void {
    const read = readFrame(text);
    switch (read.is) {
      case "frame":
        return this.#onFrame(read.frame);
      case "unknown-command":
        this.#events.onUnknownCommand(read.command);
        return this.send({ type: "ack", upTo: this.#ports.store.lastCommand() });
      case "unknown-call":
        return this.send({ type: "reply", id: read.id, reply: UNKNOWN_CALL });
      case "unknown-frame":
        return this.#ports.logger.debug("link.frame_ignored", { type: read.type });
      case "malformed":
        this.#ports.logger.warn("link.malformed", { reason: read.reason });
        return this.#socket.close(LINK_CLOSE.malformed, "malformed frame");
      default:
        return assertNever(read);
    }
  }

  #onFrame(frame: ControlFrame): void {
    const { store } = this.#ports;
    switch (frame.type) {
      case "welcome":
        return this.#onWelcome(frame);
      case "command":
        this.#events.onCommand(frame.command);
        return this.send({ type: "ack", upTo: store.lastCommand() });
      case "ack":
        return store.forgetEvents(frame.upTo);
      case "tokens":
        this.#events.onNodeToken(frame.nodeToken);
        return this.#events.onWorkspaceTokens(frame.workspaceTokens);
      case "call":
        return void this.#answer(frame);
      case "pong":
        return;
      default:
        return assertNever(frame);
    }
  }

  /** An answer for which the connection did not last is lost with it: nobody waits for it any more. */
  async #answer({ id, call }: Extract<ControlFrame, { type: "call" }>): Promise<void> {
    this.send({ type: "reply", id, reply: await this.#events.onCall(call) });
  }

  #onWelcome(frame: Extract<ControlFrame, { type: "welcome" }>): void {
    const { store, logger } = this.#ports;
    if (frame.protocol !== PROTOCOL_VERSION)
      return this.#socket.close(LINK_CLOSE.upgrade, `protocol ${frame.protocol}`);
    if (frame.lastEvent > store.highestEvent()) store.renumberAbove(frame.lastEvent);
    store.forgetEvents(frame.lastEvent);
    this.welcomed = true;
    logger.info("link.welcomed", { lastEvent: frame.lastEvent, lastCommand: store.lastCommand() });
    this.#events.onNodeToken(frame.nodeToken);
    this.#events.onWorkspaceTokens(frame.workspaceTokens);
    this.#owner.welcomed();
    this.sendEvents();
    this.#schedulePing();
  }

  /** By frames of our own: proxies on the way answer or swallow the protocol's. */
  #schedulePing(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.timers.after(PING_MS, () => {
      if (this.#unanswered >= MISSED_PINGS_MAX) {
        this.#refusal = "no answer to pings";
        return this.#socket.terminate();
      }
      this.#unanswered++;
      this.send({ type: "ping" });
      this.#schedulePing();
    });
  }
}
