/**
 * NodeLifecycle: one object per node, named by the node's id. Wiring and RPC only: the core decides, the sibling files
 * act. Keeps N1, N2.
 */
import { DurableObject } from "cloudflare:workers";
import type { Clock, Logger, Random, WorkspaceId } from "@samovar/base";
import { assertNever, jsonLogger } from "@samovar/base";
import type { BootstrapRequest, CommandDraft, NodeCall, NodeEvent, NodeReply, NodeView } from "@samovar/contracts";
import { foldEvent, isAtWork, NEW_WORKSPACE, observeRun } from "@samovar/domain/node-link";
import type { NodeEffect, NodeLifecycleEvent, ReserveReply } from "@samovar/domain/node-lifecycle";
import { reserveSlot, stepNode } from "@samovar/domain/node-lifecycle";
import type { NodeAlarm, NodeRecord, NodeSettings, SlotLease } from "@samovar/domain/node-record";
import { deriveAlarms, isAlive, NODE_ALARMS, newNode } from "@samovar/domain/node-record";
import type { RunObservation } from "@samovar/domain/run-observation";
import type { Config } from "../../config.ts";
import { getConfig } from "../../config.ts";
import { systemPorts } from "../../deps.ts";
import type { Env } from "../../env.ts";
import { database } from "../../database/index.ts";
import { hasSchema, ObjectParts } from "../../database/migrate-object.ts";
import { findNode } from "../store.ts";
import { NamedAlarms } from "./alarms.ts";
import { bootstrap, REFUSED_BOOTSTRAP } from "./bootstrap.ts";
import { NodeLink, HEARTBEAT_ALARM, refuseGone } from "./link.ts";
import { NODE_MIGRATIONS } from "./migrations.ts";
import { PendingEffects, EFFECTS_ALARM } from "./pending-effects.ts";
import type { OnSpent } from "./metering.ts";
import type { WakeQueue } from "./queue-wake.ts";
import type { BootstrapAnswer, NodeLifecycleRpc, ProvisionInput } from "./rpc.ts";
import type { ProviderQuestion } from "./server.ts";
import { askProvider } from "./server.ts";
import type { StoredNode, StoredWorkspace } from "./storage.ts";
import { NodeStorage } from "./storage.ts";
import { toNodeSettings, buildNodeView } from "./view.ts";

/** What the object needs of the tasks, which it may not import. */
export interface NodeHooks {
  readonly wakeQueue: WakeQueue;
  readonly onSpent: OnSpent;
}

/** What an object consists of once its node is provisioned. */
interface Parts {
  readonly logger: Logger;
  readonly storage: NodeStorage;
  readonly alarms: NamedAlarms;
  readonly link: NodeLink;
  readonly effects: PendingEffects;
}

/** An alarm whose work threw fires again after this time. */
const ALARM_RETRY_MS = 30_000;

export class NodeLifecycle extends DurableObject<Env> implements NodeLifecycleRpc {
  readonly #clock: Clock = systemPorts.clock;
  readonly #random: Random = systemPorts.random;
  readonly #config: Config;
  readonly #hooks: NodeHooks;
  readonly #parts: ObjectParts<Parts>;

  constructor(context: DurableObjectState, env: Env, hooks: NodeHooks) {
    super(context, env);
    this.#config = getConfig(env);
    this.#hooks = hooks;
    this.#parts = new ObjectParts(context.storage, NODE_MIGRATIONS, () => this.#createParts());
    // Without a schema the node is unknown here: never provisioned, or destroyed long ago. A call creates nothing then.
    if (hasSchema(context.storage)) this.#open();
  }

  #open(): void {
    this.#parts.open();
    if (this.#parts.isNewer) return;
    this.#link.recover();
    this.#step({ kind: "shell.restarted" });
  }

  #createParts(): Parts {
    const { ctx: context, env } = this;
    const alarms = new NamedAlarms(context.storage);
    const storage = new NodeStorage(context.storage, () => alarms.forget());
    const logger = jsonLogger({
      clock: this.#clock,
      level: this.#config.LOG_LEVEL,
      write: (line) => console.log(line),
      fields: { nodeId: storage.node()?.identity.nodeId },
    });
    const shared = { env, config: this.#config, storage, alarms, clock: this.#clock, logger };
    const effects = new PendingEffects({ ...shared, ...this.#hooks });
    const link = new NodeLink({
      ...shared,
      context,
      onEvent: (event) => this.#receive(event),
      onConnected: (isPreparing) => void this.#step({ kind: isPreparing ? "agent.preparing" : "agent.connected" }),
      onLost: () => void this.#step({ kind: "link.lost" }),
      onOutdated: () => void this.#step({ kind: "agent.outdated" }),
    });
    return { logger, storage, alarms, link, effects };
  }

  get #logger(): Logger {
    return this.#parts.get().logger;
  }
  get #storage(): NodeStorage {
    return this.#parts.get().storage;
  }
  get #alarms(): NamedAlarms {
    return this.#parts.get().alarms;
  }
  get #link(): NodeLink {
    return this.#parts.get().link;
  }
  get #effects(): PendingEffects {
    return this.#parts.get().effects;
  }

  /** Null if the object knows of no node. Throws `newer_data`. */
  #node(): StoredNode | null {
    return this.#parts.find()?.storage.node() ?? null;
  }

  async provision({ lease, ...identity }: ProvisionInput): Promise<void> {
    if (this.#node() !== null) return;
    // A destroyed node's object is deleted some time later, and a late call must not bring the node back.
    const row = await findNode(database(this.env), identity.nodeId);
    if (row?.state === "destroyed" || this.#node() !== null) return;
    if (this.#parts.find() === null) this.#open();
    const record = newNode(identity.nodeId, lease, this.#clock.now(), this.#settings());
    this.#storage.atomically(() => {
      this.#storage.addWorkspace(lease);
      this.#save({ identity, record, version: 1 });
    });
    this.#logger.info("node.provisioning", { nodeId: identity.nodeId, size: identity.size });
    this.#armAndFlush();
  }

  async reserve(lease: SlotLease): Promise<ReserveReply> {
    const node = this.#node();
    if (node === null) return { granted: false, reason: "gone" };
    // While the node was idle, its heartbeat was checked rarely: it may have been silent for long.
    if (this.#link.checkHeartbeat() === "lost") return { granted: false, reason: "not_accepting" };
    const { record, reply } = reserveSlot(node.record, lease, this.#clock.now(), this.#settings());
    if (!reply.granted || record === node.record) return reply;
    this.#storage.atomically(() => {
      this.#storage.addWorkspace(lease);
      this.#save({ ...node, record, version: node.version + 1 });
      this.#setDeliverers(record);
      this.#link.checkHeartbeat();
    });
    this.#logger.info("node.reserved", { nodeId: record.nodeId, workspaceId: lease.workspaceId });
    this.#armAndFlush();
    return reply;
  }

  async release(workspaceId: WorkspaceId): Promise<void> {
    this.#step({ kind: "slot.released", workspaceId });
  }

  async retain(workspaceId: WorkspaceId): Promise<void> {
    this.#step({ kind: "slot.retained", workspaceId });
  }

  async enqueue(command: CommandDraft): Promise<void> {
    if (this.#node() !== null) this.#link.enqueue(command);
  }

  async call(request: NodeCall): Promise<NodeReply> {
    const state =
      this.#node() === null ? "destroyed" : (this.#storage.workspace(request.workspaceId)?.facts.state ?? "destroyed");
    if (state !== "destroyed") return this.#link.call(request);
    const message = "This workspace is no longer on its node.";
    return { kind: "failed", failure: { code: "workspace_not_found", message } };
  }

  async observe(workspaceId: WorkspaceId): Promise<RunObservation | null> {
    const node = this.#node();
    if (node === null) return null;
    const workspace = this.#storage.workspace(workspaceId);
    return workspace === null ? null : observeRun(node.record, workspace.lease, workspace.facts);
  }

  async drain(reason: string): Promise<void> {
    this.#step({ kind: "drain.requested", reason });
  }

  async destroy(reason: string): Promise<void> {
    this.#step({ kind: "destroy.requested", reason });
  }

  async view(): Promise<NodeView | null> {
    const node = this.#node();
    return node === null ? null : buildNodeView(node, this.#storage, this.#config);
  }

  async ensureAlarm(): Promise<void> {
    const node = this.#node();
    if (node === null) return;
    this.#alarms.forget();
    this.#arm(node.record);
    this.ctx.waitUntil(this.#effects.flush());
  }

  async forget(): Promise<boolean> {
    if (this.#parts.find() === null) return true;
    if (!this.#isOver()) return false;
    await this.#effects.flush();
    if (!this.#isOver() || this.#effects.hasPending()) return false;
    this.#logger.info("node.forgotten");
    await this.#parts.deleteAll();
    return true;
  }

  /** Whether the node was destroyed so long ago that nothing of it is awaited any more. */
  #isOver(): boolean {
    const life = this.#node()?.record.life;
    if (life === undefined) return true;
    return life.state === "destroyed" && this.#clock.now() >= life.at + this.#config.LATE_DELIVERY_GRACE_MS;
  }

  async bootstrap(request: BootstrapRequest): Promise<BootstrapAnswer> {
    if (this.#node() === null) return REFUSED_BOOTSTRAP;
    const answer = await bootstrap(
      { storage: this.#storage, config: this.#config, clock: this.#clock, random: this.#random },
      request,
    );
    this.#logger.info(answer.ok ? "node.bootstrapped" : "node.bootstrap_refused");
    return answer;
  }

  async admits(workspaceId: WorkspaceId, epoch: number): Promise<boolean> {
    const record = this.#node()?.record;
    if (record === undefined || record.epoch !== epoch) return false;
    const facts = this.#storage.workspace(workspaceId)?.facts;
    if (facts === undefined) return false;
    return isAtWork(record, workspaceId, facts);
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response(null, { status: 426 });
    if (this.#node() === null) return refuseGone();
    return this.#link.accept(Number(request.headers.get("x-samovar-epoch") ?? "-1"));
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    if (this.#canServe(socket)) await this.#link.message(socket, data);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    if (this.#canServe(socket)) this.#link.closed(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    if (this.#canServe(socket)) this.#link.closed(socket);
  }

  /** Closes a socket that this version cannot serve. */
  #canServe(socket: WebSocket): boolean {
    const canServe = !this.#parts.isNewer && this.#node() !== null;
    if (!canServe) socket.close(1013, "try again later");
    return canServe;
  }

  override async alarm(): Promise<void> {
    if (this.#parts.isNewer) return this.#parts.postponeAlarm(this.#clock.now());
    if (this.#parts.find() === null) return;
    this.#alarms.forget();
    try {
      // The provider may be slow to answer, so its alarm goes last.
      const due = this.#alarms
        .due(this.#clock.now())
        .toSorted((a, b) => Number(a === "provider") - Number(b === "provider"));
      for (const name of due) await this.#fire(name);
    } finally {
      // Nothing is left to arm for a node that was forgotten meanwhile.
      this.#parts.find()?.alarms.arm();
    }
  }

  /** Does one alarm's work; a failure does not stop the others. */
  async #fire(name: string): Promise<void> {
    try {
      if (name === EFFECTS_ALARM) return await this.#effects.flush();
      if (name === HEARTBEAT_ALARM) return void this.#link.checkHeartbeat();
      const alarm = NODE_ALARMS.find((each) => each === name);
      if (alarm === undefined) return this.#alarms.set(name, null);
      await this.#fireNodeAlarm(alarm);
    } catch (error) {
      this.#logger.error("alarm.failed", { name, error });
      this.#alarms.set(name, this.#clock.now() + ALARM_RETRY_MS);
    }
  }

  async #fireNodeAlarm(name: NodeAlarm): Promise<void> {
    const questions = this.#step({ kind: "alarm", name });
    for (const question of questions) {
      const node = this.#node();
      if (node === null) return;
      const answer = await askProvider(
        { env: this.env, config: this.#config, storage: this.#storage, clock: this.#clock, random: this.#random },
        node.identity,
        question,
      );
      this.#logger.info("provider.answered", { question: question.kind, answer: answer.kind });
      this.#step(answer);
    }
  }

  /** Lets the core decide, stores its decision in one transaction, and returns the questions for the provider. */
  #step(event: NodeLifecycleEvent): readonly ProviderQuestion[] {
    if (this.#node() === null) return [];
    const questions = this.#storage.atomically(() => {
      const node = this.#storage.node();
      if (node === null) return [];
      const { record, effects } = stepNode(node.record, event, this.#clock.now(), this.#settings());
      if (record !== node.record) this.#save({ ...node, record, version: node.version + 1 });
      this.#setDeliverers(record);
      if (record.life.state !== node.record.life.state)
        this.#logger.info("node.changed", { from: node.record.life.state, to: record.life.state, cause: event.kind });
      return effects.flatMap((effect) => this.#apply(effect));
    });
    this.#armAndFlush();
    return questions;
  }

  #apply(effect: NodeEffect): readonly ProviderQuestion[] {
    switch (effect.kind) {
      case "wake":
        this.#storage.addSignal(effect.runId);
        return [];
      case "capacity":
        this.#storage.addQueueWake();
        return [];
      case "node.drain":
        this.#link.enqueue({ id: "node.drain", kind: "node.drain", args: {} });
        return [];
      case "link.close":
        this.#link.closeForGood();
        return [];
      case "provider.create":
      case "provider.find":
      case "provider.delete":
        return [effect];
      default:
        return assertNever(effect, "node effect");
    }
  }

  /** Folds an event of the node into the facts that runs observe. A destroyed workspace gives its slot back. */
  #receive(event: NodeEvent): void {
    const node = this.#storage.node();
    if (node === null) return;
    if (event.kind === "fault")
      this.#logger.warn("node.fault", { workspaceId: event.workspaceId, code: event.code, message: event.message });
    if (event.kind === "outbox.stats" && this.#storage.saveOutbox(event.sessionId, event.stats))
      this.#save({ ...node, version: node.version + 1 });
    if ("workspaceId" in event && event.workspaceId !== null) {
      const workspace = this.#storage.workspace(event.workspaceId);
      const facts =
        workspace === null ? NEW_WORKSPACE : foldEvent(workspace.facts, event, workspace.lease, this.#clock.now());
      if (workspace !== null && event.kind === "session.started" && event.capabilities !== null)
        this.#storage.addCapabilities(event.workspaceId, event.capabilities, this.#clock.now());
      if (workspace !== null) this.#meter(workspace, event);
      if (workspace !== null && facts !== workspace.facts) {
        this.#storage.saveFacts(event.workspaceId, facts);
        if (workspace.lease.runId !== null) this.#storage.addSignal(workspace.lease.runId);
        if (facts.state === "destroyed") this.#step({ kind: "slot.released", workspaceId: event.workspaceId });
      }
    }
    this.#armAndFlush();
  }

  /** Only what the session of this workspace reports counts for it. */
  #meter({ lease }: StoredWorkspace, event: NodeEvent): void {
    if (!("sessionId" in event) || event.sessionId !== lease.sessionId) return;
    if (event.kind === "session.metered") this.#storage.addMetering(lease, event.metered, this.#clock.now());
    if (event.kind === "session.ended") this.#storage.hastenMetering(lease.workspaceId);
  }

  /** A workspace may deliver while it holds its slot on a living node, and for a grace period after that. */
  #setDeliverers(record: NodeRecord): void {
    const holding = isAlive(record) ? record.slots.map((slot) => slot.lease.workspaceId) : [];
    this.#storage.setDeliverers(holding, this.#clock.now() + this.#config.LATE_DELIVERY_GRACE_MS);
  }

  #save(node: StoredNode): void {
    this.#storage.saveNode(node);
    this.#arm(node.record);
  }

  /** Derives the core's alarms from its record, so that none is lost and none is left over. */
  #arm(record: NodeRecord): void {
    const due = deriveAlarms(record, this.#settings());
    for (const name of NODE_ALARMS) this.#alarms.set(name, due.get(name) ?? null);
    this.#alarms.arm();
  }

  #armAndFlush(): void {
    this.#alarms.arm();
    this.ctx.waitUntil(this.#effects.flush());
  }

  #settings(): NodeSettings {
    return toNodeSettings(this.#config);
  }
}
