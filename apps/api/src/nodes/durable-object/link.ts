/**
 * The node's WebSocket, hibernatable. What must survive is in storage, so that an object that hibernated or was evicted
 * continues with the same socket or the next. A connection is current from its `hello`; the newest one wins.
 */
import type { Clock, Logger, Millis, WorkspaceId } from "@samovar/base";
import { parseJson, systemTimers } from "@samovar/base";
import { LIMITS, LINK_CLOSE, nodeFrame, PROTOCOL_VERSION, TIME_LIMITS } from "@samovar/contracts";
import type {
  CommandDraft,
  ControlFrame,
  NodeCall,
  NodeEvent,
  NodeFrame,
  NodeReply,
  WorkspaceToken,
} from "@samovar/contracts";
import {
  acknowledgeCommands,
  hasToDeliver,
  markCommandSent,
  answerHello,
  getNextCommand,
  NEW_WORKSPACE,
  numberCommand,
  takeEvent,
} from "@samovar/domain/node-link";
import * as z from "zod";
import type { Config } from "../../config.ts";
import { mintNodeToken, mintWorkspaceToken } from "../../identity/node-tokens.ts";
import type { NamedAlarms } from "./alarms.ts";
import { AWAY, NodeCalls } from "./calls.ts";
import type { NodeStorage } from "./storage.ts";

export interface LinkDeps {
  readonly context: DurableObjectState;
  readonly storage: NodeStorage;
  readonly alarms: NamedAlarms;
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called inside the transaction that stores the event's number. */
  readonly onEvent: (event: NodeEvent) => void;
  /** `isPreparing`: the node is still installing tools and takes no task. */
  readonly onConnected: (isPreparing: boolean) => void;
  readonly onLost: () => void;
  readonly onOutdated: () => void;
}

/** Nodes ping three times in this time; without a ping the connection is dead, whatever TCP reports. */
export const HEARTBEAT_TIMEOUT_MS = TIME_LIMITS.HEARTBEAT_TIMEOUT_MS.ms;
export const HEARTBEAT_ALARM = "heartbeat";
/** An idle node's heartbeat is checked this often, and before the node gets work: each alarm is charged. */
const IDLE_HEARTBEAT_CHECK_MS = 10 * 60_000;

/** The part of a socket's state that survives hibernation. */
interface Attachment {
  readonly connection: string;
  readonly openedAt: Millis;
}

/** An event that does not parse still has a number, so that it does not block the events after it. */
const numberedEvent = z.object({
  type: z.literal("event"),
  event: z.object({ n: z.number().int().positive(), kind: z.string().max(200) }),
});

/** The hello of another protocol version may have another shape. */
const otherProtocol = z.object({
  type: z.literal("hello"),
  protocol: z.number().refine((version) => version !== PROTOCOL_VERSION),
});

export class NodeLink {
  readonly #deps: LinkDeps;
  readonly #calls = new NodeCalls(systemTimers);
  #sending: Promise<void> = Promise.resolve();
  readonly #receivedAt = new WeakMap<WebSocket, Millis>();

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    deps.context.setWebSocketAutoResponse(
      new WebSocketRequestResponsePair(JSON.stringify({ type: "ping" }), JSON.stringify({ type: "pong" })),
    );
  }

  /** Accepts an upgrade whose node token the route has verified. `epoch`: the token's. */
  accept(epoch: number): Response {
    const { context, storage, clock } = this.#deps;
    const node = storage.node();
    if (node === null || epoch !== node.record.epoch || this.#isGone()) return refuseGone();
    const { 0: client, 1: server } = new WebSocketPair();
    context.acceptWebSocket(server);
    server.serializeAttachment({ connection: crypto.randomUUID(), openedAt: clock.now() } satisfies Attachment);
    return new Response(null, { status: 101, webSocket: client });
  }

  async message(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    this.#receivedAt.set(socket, this.#deps.clock.now());
    const isReadable = typeof data === "string" && data.length <= LIMITS.linkFrameMaxBytes;
    const frame = isReadable ? parseJson(data, LIMITS.jsonMaxDepth) : undefined;
    const parsed = nodeFrame.safeParse(frame);
    if (!parsed.success) return this.#rejectUnreadable(socket, frame);
    if (parsed.data.type === "hello") return this.#hello(socket, parsed.data);
    if (parsed.data.type === "ping") return void this.#send(socket, { type: "pong" });
    if (!this.#isCurrent(socket)) return;
    await this.#receive(socket, parsed.data);
  }

  closed(socket: WebSocket): void {
    if (!this.#isCurrent(socket)) return;
    this.#lose();
  }

  /** After a restart: reports the stored connection as lost if its socket no longer exists. */
  recover(): void {
    if (this.#deps.storage.link().connection !== null && this.#current() === null) this.#lose();
  }

  enqueue(draft: CommandDraft): void {
    const { storage, clock } = this.#deps;
    storage.atomically(() => {
      const { state, connection } = storage.link();
      const { link, n, isNew } = numberCommand(state, storage.commandNumber(draft.id));
      if (!isNew) return;
      storage.addCommand(n, draft, clock.now());
      storage.saveLink(link, connection);
    });
    void this.deliver();
  }

  /** Sends the node a request; `unavailable` if it is disconnected or slow. */
  async call(request: NodeCall): Promise<NodeReply> {
    const socket = this.#current();
    return socket === null ? AWAY : this.#calls.ask(request, (frame) => this.#send(socket, frame));
  }

  /** Sends, in order, the commands that the current connection has not been sent. */
  deliver(): Promise<void> {
    this.#sending = this.#sending
      .then(() => this.#deliverAll())
      .catch((error: unknown) => this.#deps.logger.error("link.delivery_failed", { error }));
    return this.#sending;
  }

  /** Closes every connection with the code that stops the node from reconnecting. */
  closeForGood(): void {
    for (const socket of this.#deps.context.getWebSockets()) close(socket, LINK_CLOSE.gone, "this node is gone");
    this.#clearConnection();
  }

  /** Closes a connection whose heartbeat timed out; otherwise it sets the alarm for the next check. */
  checkHeartbeat(): "alive" | "lost" | "none" {
    const { clock, alarms, context, logger, storage } = this.#deps;
    const socket = this.#current();
    if (socket === null) {
      alarms.set(HEARTBEAT_ALARM, null);
      return "none";
    }
    const pingedAt = context.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
    const aliveAt = Math.max(pingedAt, this.#receivedAt.get(socket) ?? 0, readAttachment(socket)?.openedAt ?? 0);
    const now = clock.now();
    if (now - aliveAt < HEARTBEAT_TIMEOUT_MS) {
      const isIdle = storage.node()?.record.slots.length === 0;
      alarms.set(HEARTBEAT_ALARM, isIdle ? now + IDLE_HEARTBEAT_CHECK_MS : aliveAt + HEARTBEAT_TIMEOUT_MS);
      return "alive";
    }
    logger.warn("link.heartbeat_timed_out", { silentMs: now - aliveAt });
    close(socket, 1001, "heartbeat timeout");
    this.#lose();
    return "lost";
  }

  async #hello(socket: WebSocket, frame: Extract<NodeFrame, { type: "hello" }>): Promise<void> {
    const { storage, alarms, clock } = this.#deps;
    const node = storage.node();
    const attachment = readAttachment(socket);
    if (node === null || attachment === null) return close(socket, LINK_CLOSE.gone, "this node is gone");
    const tokens = await this.#mintTokens(node.record.slots.map((slot) => slot.lease.workspaceId));
    const answer = storage.atomically(() => {
      const now = storage.node() ?? node;
      const reply = answerHello(storage.link().state, frame, now.record);
      if (reply.kind === "welcome") storage.saveLink(reply.link, attachment.connection);
      return reply;
    });
    if (answer.kind === "refuse")
      return answer.close === "gone"
        ? close(socket, LINK_CLOSE.gone, "this node is gone")
        : this.#refuseVersion(socket, frame.protocol);
    for (const other of this.#deps.context.getWebSockets()) {
      if (other !== socket && readAttachment(other)?.connection !== attachment.connection)
        close(other, LINK_CLOSE.replaced, "a newer connection took over");
    }
    this.#calls.abort();
    alarms.set(HEARTBEAT_ALARM, clock.now() + HEARTBEAT_TIMEOUT_MS);
    this.#send(socket, { type: "welcome", protocol: PROTOCOL_VERSION, lastEvent: answer.link.lastEvent, ...tokens });
    this.#deps.onConnected(frame.runtime?.kind === "preparing");
    await this.deliver();
  }

  async #receive(socket: WebSocket, frame: Exclude<NodeFrame, { type: "hello" | "ping" }>): Promise<void> {
    const { storage } = this.#deps;
    switch (frame.type) {
      case "event":
        return this.#take(socket, frame.event.n, () => this.#deps.onEvent(frame.event));
      case "ack": {
        const { state, connection } = storage.link();
        return storage.saveLink(acknowledgeCommands(state, frame.upTo), connection);
      }
      case "reply":
        return this.#calls.resolve(frame.id, frame.reply);
      case "renew":
        return void this.#send(socket, { type: "tokens", ...(await this.#mintTokens(frame.workspaces)) });
    }
  }

  /** Stores the event and its number in one transaction; acknowledges only what is on disk. */
  #take(socket: WebSocket, n: number, apply: () => void): void {
    const { storage, logger } = this.#deps;
    const upTo = storage.atomically(() => {
      const { state, connection } = storage.link();
      const { link, outcome } = takeEvent(state, n);
      if (outcome === "duplicate") return link.lastEvent;
      if (outcome === "gap") logger.warn("link.event_gap", { expected: state.lastEvent + 1, n });
      storage.saveLink(link, connection);
      apply();
      return link.lastEvent;
    });
    this.#send(socket, { type: "ack", upTo });
  }

  #rejectUnreadable(socket: WebSocket, frame: unknown): void {
    const { storage, clock, logger } = this.#deps;
    const numbered = numberedEvent.safeParse(frame);
    const other = otherProtocol.safeParse(frame);
    if (other.success) return this.#refuseVersion(socket, other.data.protocol);
    if (!numbered.success || !this.#isCurrent(socket)) return close(socket, LINK_CLOSE.malformed, "unreadable frame");
    const { n, kind } = numbered.data.event;
    logger.error("link.event_refused", { n, kind });
    this.#take(socket, n, () => storage.addRefusal("event", `${n} ${kind}`, clock.now()));
  }

  /** Asks the vm-agent to upgrade; the node is replaced. */
  #refuseVersion(socket: WebSocket, protocol: number): void {
    this.#deps.logger.warn("link.outdated", { protocol, expected: PROTOCOL_VERSION });
    close(socket, LINK_CLOSE.upgrade, `protocol ${PROTOCOL_VERSION} is required`);
    this.#deps.onOutdated();
  }

  async #deliverAll(): Promise<void> {
    const { storage } = this.#deps;
    for (;;) {
      const socket = this.#current();
      const n = getNextCommand(storage.link().state);
      const command = n === null ? null : storage.command(n);
      if (socket === null || n === null || command === null) return;
      // A new workspace needs its token first.
      const tokens = command.kind === "workspace.create" ? await this.#mintTokens([command.args.workspaceId]) : null;
      if (!this.#isCurrent(socket) || getNextCommand(storage.link().state) !== n) continue;
      if (tokens !== null) this.#send(socket, { type: "tokens", ...tokens });
      if (!this.#send(socket, { type: "command", command })) return;
      const { state, connection } = storage.link();
      storage.saveLink(markCommandSent(state, n), connection);
    }
  }

  /** Mints tokens for the node and for those of the workspaces that hold a slot here and may have messages to deliver. */
  async #mintTokens(
    workspaces: readonly WorkspaceId[],
  ): Promise<Pick<Extract<ControlFrame, { type: "tokens" }>, "nodeToken" | "workspaceTokens">> {
    const { storage, config, clock } = this.#deps;
    const node = storage.node();
    if (node === null) throw new Error("the link has no node");
    const { epoch, slots } = node.record;
    const { nodeId } = node.identity;
    const leases = slots
      .map((slot) => slot.lease)
      .filter(({ workspaceId, sessionId }) => {
        const facts = storage.workspace(workspaceId)?.facts ?? NEW_WORKSPACE;
        return workspaces.includes(workspaceId) && hasToDeliver(facts, storage.sessionOutbox(sessionId));
      });
    const workspaceTokens = await Promise.all(
      leases.map(async ({ workspaceId, sessionId, projectId }): Promise<WorkspaceToken> => {
        const claims = { workspace: workspaceId, project: projectId, session: sessionId, node: nodeId, epoch };
        return { workspaceId, sessionId, ...(await mintWorkspaceToken(config, claims, clock.now())) };
      }),
    );
    return { nodeToken: await mintNodeToken(config, { node: nodeId, epoch }, clock.now()), workspaceTokens };
  }

  #isGone(): boolean {
    const state = this.#deps.storage.node()?.record.life.state;
    return state === undefined || state === "destroying" || state === "destroyed";
  }

  #current(): WebSocket | null {
    return this.#deps.context.getWebSockets().find((socket) => this.#isCurrent(socket)) ?? null;
  }

  #isCurrent(socket: WebSocket): boolean {
    const { connection } = this.#deps.storage.link();
    return connection !== null && readAttachment(socket)?.connection === connection;
  }

  #lose(): void {
    this.#clearConnection();
    this.#deps.onLost();
  }

  #clearConnection(): void {
    this.#calls.abort();
    const { storage, alarms } = this.#deps;
    const { state } = storage.link();
    storage.saveLink({ ...state, sentCommand: state.ackedCommand }, null);
    alarms.set(HEARTBEAT_ALARM, null);
  }

  /** Returns whether the frame was sent; a closing socket reports that by its close event. */
  #send(socket: WebSocket, frame: ControlFrame): boolean {
    try {
      socket.send(JSON.stringify(frame));
      return true;
    } catch (error) {
      this.#deps.logger.warn("link.send_failed", { frame: frame.type, error });
      return false;
    }
  }
}

/** Answers an upgrade with a connection that it closes with the code that stops the node from reconnecting. */
export function refuseGone(): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  server.close(LINK_CLOSE.gone, "this node is gone");
  return new Response(null, { status: 101, webSocket: client });
}

function readAttachment(socket: WebSocket): Attachment | null {
  return socket.deserializeAttachment() as Attachment | null;
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // It is closed already.
  }
}
