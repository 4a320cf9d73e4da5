/** For tests: a control plane on loopback that implements the contract (bootstrap, link, delivery with real delivery results). */
import type { NodeId, SessionId } from "@samovar/base";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type {
  Command,
  CommandDraft,
  ControlFrame,
  GitCredential,
  NodeEvent,
  NodeCall,
  NodeFrame,
  NodeReply,
  SessionEnd,
  WorkspaceToken,
} from "@samovar/contracts";
import { bootstrapRequest, deliveryRequest, nodeFrame, PROTOCOL_VERSION } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import type { StoredMessage } from "@samovar/domain/message-store";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "@samovar/domain/message-store";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";

export const ids = idSource(systemClock, systemRandom);
const FOREVER = 9_999_999_999_999;

export class TestControlPlane {
  readonly nodeId: NodeId = ids.make("nod");
  readonly bootstrapToken = `boot-${ids.messageId()}`;
  url = "";
  /** Each event once, as the control plane would store it. */
  readonly events: NodeEvent[] = [];
  /** Numbers of all events as they arrived, duplicates included. */
  readonly arrivals: number[] = [];
  readonly claims: string[] = [];
  readonly hellos: Extract<NodeFrame, { type: "hello" }>[] = [];
  readonly upgrades: string[] = [];
  pings = 0;
  /** The close code of each link that has ended; 1006 for one that broke. */
  readonly closeCodes: number[] = [];
  /** The node's replies, by the id of the call. */
  readonly replies = new Map<string, NodeReply>();
  readonly tokens = new Map<SessionId, WorkspaceToken>();
  /** The fault to inject, called for each bootstrap request. */
  bootstrapFault: () => "none" | "drop-reply" | "unavailable" | "refuse" = () => "none";
  /** The reply to requests for a git credential. */
  gitLogin: GitCredential["credential"] = null;
  /** The uploaded git bundles. */
  readonly bundles = new Map<SessionId, Buffer>();
  /** What it serves besides, by path: the vm-agent's release. */
  readonly files = new Map<string, Uint8Array>();
  /** The paths of the files that were asked for. */
  readonly downloads: string[] = [];
  /** HTTP statuses with which the next bundle uploads fail. */
  readonly bundleFaults: number[] = [];
  /** An HTTP status to refuse upgrades with, or null. */
  refuseLink: number | null = null;
  /** Stored events are not acknowledged while this is set. */
  withholdAcks = false;
  answerPings = true;
  protocol: number = PROTOCOL_VERSION;
  lastEventOverride: number | null = null;
  readonly #messages = new Map<SessionId, Map<string, StoredMessage>>();
  readonly #commands: Command[] = [];
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #watchers = new Set<() => void>();
  #socket: WebSocket | null = null;
  #ackedCommand = 0;
  #calls = 0;

  async start(): Promise<this> {
    this.#server.on("upgrade", (request, socket, head) => {
      this.upgrades.push(request.headers.authorization ?? "");
      if (this.refuseLink !== null) return void socket.end(`HTTP/1.1 ${this.refuseLink} No\r\n\r\n`);
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => this.#accept(accepted));
    });
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    this.url = `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
    return this;
  }

  stop(): void {
    this.cut();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Terminates the link without a close frame. */
  cut(): void {
    this.#socket?.terminate();
  }

  close(code: number): void {
    this.#socket?.close(code, "closed by the test");
  }

  send(frame: ControlFrame | string): void {
    this.#socket?.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  enqueue(draft: CommandDraft): Command {
    const queued = { ...draft, n: this.#commands.length + 1 };
    this.#commands.push(queued);
    this.send({ type: "command", command: queued });
    return queued;
  }

  /** Sends a call to the node and resolves with its reply. */
  async call(call: NodeCall): Promise<NodeReply> {
    const id = `call-${++this.#calls}`;
    this.send({ type: "call", id, call });
    return this.until(() => this.replies.get(id));
  }

  acknowledgeEvents(): void {
    this.withholdAcks = false;
    this.send({ type: "ack", upTo: this.#lastEvent() });
  }

  get ackedCommand(): number {
    return this.#ackedCommand;
  }

  /** The first event of this kind that matches, now or later. */
  async event<K extends NodeEvent["kind"]>(
    kind: K,
    matches: (event: Extract<NodeEvent, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<NodeEvent, { kind: K }>> {
    const isIt = (event: NodeEvent): event is Extract<NodeEvent, { kind: K }> => event.kind === kind;
    return this.until(() => this.events.filter(isIt).find(matches));
  }

  /** Waits until the probe returns a value; it is called again whenever something arrives. */
  until<T>(probe: () => T | undefined | false): Promise<T> {
    return new Promise((resolve) => {
      const check = () => {
        const found = probe();
        if (found === undefined || found === false) return;
        this.#watchers.delete(check);
        resolve(found);
      };
      this.#watchers.add(check);
      check();
    });
  }

  /** Resolves when the node has read everything that was sent to it, which a WebSocket ping and pong shows. */
  allRead(): Promise<void> {
    return new Promise((resolve) => {
      this.#socket?.once("pong", () => resolve());
      this.#socket?.ping();
    });
  }

  getEnds(session: SessionId): SessionEnd[] {
    return this.events.flatMap((event) =>
      event.kind === "session.ended" && event.sessionId === session ? [event.end] : [],
    );
  }

  transcript(session: SessionId): StoredMessage[] {
    return [...(this.#messages.get(session)?.values() ?? [])].toSorted((a, b) => a.position - b.position);
  }

  digest(session: SessionId) {
    return digestTranscript(
      this.transcript(session).map((message) => hashMessage(message, sha256)),
      sha256,
    );
  }

  #lastEvent(): number {
    return this.lastEventOverride ?? this.events.at(-1)?.n ?? 0;
  }

  #accept(socket: WebSocket): void {
    this.#socket?.terminate();
    this.#socket = socket;
    socket.on("message", (data) => {
      this.#onFrame(nodeFrame.parse(JSON.parse(String(data))), socket);
      this.#changed();
    });
    socket.on("close", (code) => {
      this.closeCodes.push(code);
      if (this.#socket === socket) this.#socket = null;
    });
  }

  #onFrame(frame: NodeFrame, socket: WebSocket): void {
    const send = (answer: ControlFrame) => socket.send(JSON.stringify(answer));
    if (frame.type === "hello") this.hellos.push(frame);
    const nodeToken = { token: `node-token-${this.hellos.length}`, expiresAt: FOREVER };
    switch (frame.type) {
      case "hello":
        send({
          type: "welcome",
          protocol: this.protocol,
          lastEvent: this.#lastEvent(),
          nodeToken,
          workspaceTokens: [...this.tokens.values()],
        });
        for (const queued of this.#commands)
          if (queued.n > frame.lastCommand) send({ type: "command", command: queued });
        return;
      case "event":
        this.arrivals.push(frame.event.n);
        if (frame.event.n > this.#lastEvent()) this.events.push(frame.event);
        if (!this.withholdAcks) send({ type: "ack", upTo: this.#lastEvent() });
        return;
      case "ack":
        this.#ackedCommand = frame.upTo;
        return;
      case "reply":
        this.replies.set(frame.id, frame.reply);
        return;
      case "renew":
        return send({
          type: "tokens",
          nodeToken,
          workspaceTokens: [...this.tokens.values()].filter((token) => frame.workspaces.includes(token.workspaceId)),
        });
      case "ping":
        this.pings++;
        if (this.answerPings) send({ type: "pong" });
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.on("end", resolve));
    const answer = (status: number, reply: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(reply));
    const path = request.url ?? "";
    const file = request.method === "GET" ? this.files.get(path) : undefined;
    if (file !== undefined) {
      this.downloads.push(path);
      response.end(file);
      return this.#changed();
    }
    if (path.endsWith("/git-credential") || path.includes("/bundle?")) {
      this.#serveGit(path, request.headers.authorization ?? "", Buffer.concat(chunks), answer);
      return this.#changed();
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8") || "null");
    if (request.url?.endsWith("/bootstrap")) this.#bootstrap(body, request, answer);
    else if (request.url?.endsWith("/messages")) this.#deliver(body, request.headers.authorization ?? "", answer);
    else answer(404, {});
    this.#changed();
  }

  #bootstrap(body: unknown, request: IncomingMessage, answer: (status: number, reply: object) => void): void {
    const bootstrap = bootstrapRequest.parse(body);
    const fault = this.bootstrapFault();
    if (fault === "unavailable") return answer(503, {});
    if (fault === "refuse" || bootstrap.token !== this.bootstrapToken) return answer(401, {});
    if (this.claims.length > 0 && this.claims[0] !== bootstrap.claim) return answer(401, {});
    this.claims.push(bootstrap.claim);
    if (fault === "drop-reply") return void request.socket.destroy();
    answer(200, { nodeToken: "node-token-first", expiresAt: FOREVER, epoch: 3 });
  }

  #serveGit(path: string, authorization: string, data: Buffer, answer: (status: number, reply: object) => void): void {
    const token = [...this.tokens.values()].find((known) => `Bearer ${known.token}` === authorization);
    if (token === undefined || !path.includes(token.workspaceId)) return answer(401, {});
    if (path.endsWith("/git-credential")) return answer(200, { credential: this.gitLogin });
    const fault = this.bundleFaults.shift();
    if (fault !== undefined) return answer(fault, {});
    const sum = sha256(data);
    if (!path.endsWith(`sha256=${sum}`)) return answer(400, {});
    this.bundles.set(token.sessionId, data);
    answer(200, { bytes: data.byteLength, sha256: sum });
  }

  #deliver(body: unknown, authorization: string, answer: (status: number, reply: object) => void): void {
    const token = [...this.tokens.values()].find((known) => `Bearer ${known.token}` === authorization);
    if (token === undefined) return answer(401, {});
    const messages = this.#messages.get(token.sessionId) ?? new Map<string, StoredMessage>();
    this.#messages.set(token.sessionId, messages);
    const results = deliveryRequest.parse(body).messages.map((row) => {
      const read = readDeliveredRow(row, { seq: 1, timestamp: new Date(0).toISOString() });
      if (!read.ok) return { ...read.error, outcome: "rejected" as const };
      const { messageId } = read.value;
      const decision = decideDelivery(
        messages.get(messageId) ?? null,
        read.value,
        { session: token.sessionId },
        { position: messages.size, createdAt: 0 },
      );
      if (decision.outcome === "stored") messages.set(messageId, decision.next);
      return toDeliveryResult(messageId, decision);
    });
    const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
    answer(200, { persisted: count("stored"), duplicates: count("duplicate"), results });
  }

  #changed(): void {
    for (const check of this.#watchers) check();
  }
}
