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
import { migrateObject } from "../../database/migrate-object.ts";
import { NamedAlarms } from "./alarms.ts";
import { bootstrap } from "./bootstrap.ts";
import { NodeLink, HEARTBEAT_ALARM } from "./link.ts";
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

/** An alarm whose work threw fires again after this time. */
const ALARM_RETRY_MS = 30_000;

export class NodeLifecycle extends DurableObject<Env> implements NodeLifecycleRpc {
  readonly #clock: Clock = systemPorts.clock;
  readonly #random: Random = systemPorts.random;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #storage: NodeStorage;
  readonly #alarms: NamedAlarms;
  readonly #link: NodeLink;
  readonly #effects: PendingEffects;

  constructor(context: DurableObjectState, env: Env, hooks: NodeHooks) {
    super(context, env);
    migrateObject(context.storage, NODE_MIGRATIONS);
    this.#config = getConfig(env);
    this.#storage = new NodeStorage(context.storage);
    this.#alarms = new NamedAlarms(context.storage);
    this.#logger = jsonLogger({
      clock: this.#clock,
      level: this.#config.LOG_LEVEL,
      write: (line) => console.log(line),
      fields: { nodeId: this.#storage.node()?.identity.nodeId },
    });
    const shared = {
      env,
      config: this.#config,
      storage: this.#storage,
      alarms: this.#alarms,
      clock: this.#clock,
      logger: this.#logger,
    };
    this.#effects = new PendingEffects({ ...shared, ...hooks });
    this.#link = new NodeLink({
      ...shared,
      context,
      onEvent: (event) => this.#receive(event),
      onConnected: (isPreparing) => void this.#step({ kind: isPreparing ? "agent.preparing" : "agent.connected" }),
      onLost: () => void this.#step({ kind: "link.lost" }),
      onOutdated: () => void this.#step({ kind: "agent.outdated" }),
    });
    this.#link.recover();
    this.#step({ kind: "shell.restarted" });
  }

  async provision({ lease, ...identity }: ProvisionInput): Promise<void> {
    if (this.#storage.node() !== null) return;
    const record = newNode(identity.nodeId, lease, this.#clock.now(), this.#settings());
    this.#storage.atomically(() => {
      this.#storage.addWorkspace(lease);
      this.#save({ identity, record, version: 1 });
    });
    this.#logger.info("node.provisioning", { nodeId: identity.nodeId, size: identity.size });
    this.#armAndFlush();
  }

  async reserve(lease: SlotLease): Promise<ReserveReply> {
    const node = this.#storage.node();
    if (node === null) return { granted: false, reason: "gone" };
    const { record, reply } = reserveSlot(node.record, lease, this.#clock.now(), this.#settings());
    if (!reply.granted || record === node.record) return reply;
    this.#storage.atomically(() => {
      this.#storage.addWorkspace(lease);
      this.#save({ ...node, record, version: node.version + 1 });
      this.#setDeliverers(record);
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
    this.#link.enqueue(command);
  }

  async call(request: NodeCall): Promise<NodeReply> {
    const state = this.#storage.workspace(request.workspaceId)?.facts.state ?? "destroyed";
    if (state !== "destroyed") return this.#link.call(request);
    const message = "This workspace is no longer on its node.";
    return { kind: "failed", failure: { code: "workspace_not_found", message } };
  }

  async observe(workspaceId: WorkspaceId): Promise<RunObservation | null> {
    const node = this.#storage.node();
    const workspace = this.#storage.workspace(workspaceId);
    return node === null || workspace === null ? null : observeRun(node.record, workspace.lease, workspace.facts);
  }

  async drain(reason: string): Promise<void> {
    this.#step({ kind: "drain.requested", reason });
  }

  async destroy(reason: string): Promise<void> {
    this.#step({ kind: "destroy.requested", reason });
  }

  async view(): Promise<NodeView | null> {
    const node = this.#storage.node();
    return node === null ? null : buildNodeView(node, this.#storage, this.#config);
  }

  async ensureAlarm(): Promise<void> {
    const node = this.#storage.node();
    if (node !== null) this.#arm(node.record);
    this.ctx.waitUntil(this.#effects.flush());
  }

  async bootstrap(request: BootstrapRequest): Promise<BootstrapAnswer> {
    const answer = await bootstrap(
      { storage: this.#storage, config: this.#config, clock: this.#clock, random: this.#random },
      request,
    );
    this.#logger.info(answer.ok ? "node.bootstrapped" : "node.bootstrap_refused");
    return answer;
  }

  async admits(workspaceId: WorkspaceId, epoch: number): Promise<boolean> {
    const record = this.#storage.node()?.record;
    const facts = this.#storage.workspace(workspaceId)?.facts;
    if (record === undefined || facts === undefined || record.epoch !== epoch) return false;
    return isAtWork(record, workspaceId, facts);
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return new Response(null, { status: 426 });
    return this.#link.accept(Number(request.headers.get("x-samovar-epoch") ?? "-1"));
  }

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    await this.#link.message(socket, data);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#link.closed(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#link.closed(socket);
  }

  override async alarm(): Promise<void> {
    try {
      // The provider may be slow to answer, so its alarm goes last.
      const due = this.#alarms
        .due(this.#clock.now())
        .toSorted((a, b) => Number(a === "provider") - Number(b === "provider"));
      for (const name of due) await this.#fire(name);
    } finally {
      this.#alarms.arm();
    }
  }

  /** Does one alarm's work; a failure does not stop the others. */
  async #fire(name: string): Promise<void> {
    try {
      if (name === EFFECTS_ALARM) return await this.#effects.flush();
      if (name === HEARTBEAT_ALARM) return this.#link.checkHeartbeat();
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
      const node = this.#storage.node();
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
