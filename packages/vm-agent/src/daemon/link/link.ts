/**
 * The link: the WebSocket that the node dials and redials. Events are on disk before they are sent and stay there until
 * acknowledged; commands are on disk before they are acknowledged. A lost connection therefore loses nothing and repeats
 * nothing [R5][F43].
 */
import type { Clock, Logger, NodeId, Random, Timers, WorkspaceId } from "@samovar/base";
import { assertNever, backoffMs, errorMessage } from "@samovar/base";
import type {
  Command,
  ControlFrame,
  NodeCall,
  NodeFrame,
  NodeReply,
  RuntimeReport,
  WorkspaceToken,
} from "@samovar/contracts";
import { LIMITS, LINK_CLOSE, PROTOCOL_VERSION } from "@samovar/contracts";
import { cpus, totalmem } from "node:os";
import { WebSocket } from "ws";
import { getReconnectLimits } from "../reconnect-limits.ts";
import type { DaemonStore } from "../store/store.ts";
import { readFrame, UNKNOWN_CALL } from "./read-frame.ts";

export interface LinkPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: DaemonStore;
}

export interface LinkEvents {
  /** Records the command and the work that it requests in one transaction; the work is done later. */
  onCommand(command: Command): void;
  onUnknownCommand(command: { readonly n: number; readonly id: string; readonly kind: string }): void;
  /** Never rejects. */
  onCall(call: NodeCall): Promise<NodeReply>;
  onNodeToken(token: { readonly token: string; readonly expiresAt: number }): void;
  onWorkspaceTokens(tokens: readonly WorkspaceToken[]): void;
  /** The control plane has welcomed the node: events are sent as soon as they are appended. */
  onConnected(): void;
  onDisconnected(): void;
  /** The control plane no longer knows this node; the link has stopped for good. */
  onGone(): void;
}

export interface LinkOptions {
  readonly controlPlaneUrl: string;
  readonly nodeId: NodeId;
  readonly agentVersion: string;
  readonly epoch: number;
  /** Called for each hello. */
  getRuntime(): RuntimeReport;
  /** The newest node token. */
  getToken(): string;
}

const PING_MS = 20_000;
const MISSED_PINGS_MAX = 2;
const HANDSHAKE_TIMEOUT_MS = 15_000;
/** The delay after a refusal, which only a person, an upgrade or another process can resolve. */
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

  /** Closes the socket and stops redialling. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRedial();
    this.#connection?.close(1000, "stopping");
  }

  /** Sends the hello again after its content has changed; without a connection, the next one does. */
  greet(): void {
    this.#connection?.hello();
  }

  /** Requests fresh tokens; without a connection the next welcome brings them. */
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
      : backoffMs(this.#failures, getReconnectLimits(this.#options.controlPlaneUrl), random.next());
    logger.info("link.lost", { code: end.code, reason: end.reason, failures: this.#failures, waitMs });
    this.#cancelRedial = timers.after(waitMs, () => this.#dial());
  }
}

interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  /** The control plane answered and refused: wait longer before the next attempt. */
  readonly refused: boolean;
}

/** One socket, from dialling to closing. */
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
      headers: { authorization: `Bearer ${options.getToken()}` },
      perMessageDeflate: false,
      maxPayload: LIMITS.linkFrameMaxBytes,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      followRedirects: false,
    });
    this.#listen();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    // Don't wait for a peer that does not answer the close.
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
      this.hello();
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

  hello(): void {
    const { store } = this.#ports;
    this.send({
      type: "hello",
      protocol: PROTOCOL_VERSION,
      agentVersion: this.#options.agentVersion,
      epoch: this.#options.epoch,
      lastCommand: store.lastCommand(),
      resources: { cpus: cpus().length, memoryBytes: totalmem() },
      runtime: this.#options.getRuntime(),
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
        this.#ports.logger.warn("link.frame_rejected", { reason: read.reason });
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

  /** A reply whose connection was lost is dropped: its caller has given up. */
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

  /** Pings with application frames, because proxies may answer or swallow WebSocket pings. */
  #schedulePing(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.timers.after(PING_MS, () => {
      if (this.#unanswered >= MISSED_PINGS_MAX) {
        this.#refusal = "no pong received";
        return this.#socket.terminate();
      }
      this.#unanswered++;
      this.send({ type: "ping" });
      this.#schedulePing();
    });
  }
}
