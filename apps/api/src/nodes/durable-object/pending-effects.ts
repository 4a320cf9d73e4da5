/**
 * The object's effects elsewhere: its row in D1, events for viewers, signals to runs, wake-ups of the queue, agents'
 * capabilities, and which workspaces may deliver. Effects are stored first, then retried until delivered. Keeps N1, T1.
 */
import { backoffMs } from "@samovar/base";
import type { NodeView } from "@samovar/contracts";
import { and, eq, inArray, lt } from "drizzle-orm";
import { database } from "../../database/index.ts";
import { nodes, workspaces } from "../../database/schema.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import { addRemovalNotice } from "../../sessions/removal-notice.ts";
import { recordChange } from "../history.ts";
import type { NamedAlarms } from "./alarms.ts";
import { flushMetering } from "./metering.ts";
import type { MeteringDeps } from "./metering.ts";
import { flushCapabilities } from "./capabilities.ts";
import { flushDeliverers } from "./deliverers.ts";
import { flushQueueWake } from "./queue-wake.ts";
import type { QueueWakeDeps } from "./queue-wake.ts";
import type { NodeStorage, PendingSignal } from "./storage.ts";
import { buildNodeView } from "./view.ts";

export interface PendingEffectsDeps extends QueueWakeDeps, MeteringDeps {
  readonly alarms: NamedAlarms;
}

export const EFFECTS_ALARM = "effects";
const RETRY = { initialMs: 500, maxMs: 60_000 };
/** After this many attempts (about half a day) the sweep has to repair the run. */
const SIGNAL_MAX_ATTEMPTS = 720;

export class PendingEffects {
  readonly #deps: PendingEffectsDeps;
  #flushing: Promise<void> | null = null;
  #again = false;

  constructor(deps: PendingEffectsDeps) {
    this.#deps = deps;
  }

  /** Delivers pending effects; an alarm retries those that fail. One flush at a time: a call during a flush makes it run again. */
  flush(): Promise<void> {
    if (this.#flushing !== null) {
      this.#again = true;
      return this.#flushing;
    }
    // Only after the caller's transaction.
    this.#flushing = Promise.resolve().then(() => this.#flushAll());
    return this.#flushing;
  }

  /** Whether anything is not delivered yet. */
  hasPending(): boolean {
    const { storage } = this.#deps;
    const pending = [
      storage.destroyedUnprojected(),
      storage.signals(),
      storage.pendingQueueWakes(),
      storage.pendingDeliverers(),
      storage.pendingCapabilities(),
      storage.pendingMetering(),
    ];
    const isProjected = (storage.node()?.version ?? 0) <= storage.projection().version;
    return !isProjected || pending.some((effects) => effects.length > 0);
  }

  async #flushAll(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#flushOnce();
      } while (this.#again);
    } finally {
      // At once with the last look at `#again`, so that no call comes in between and is lost.
      this.#flushing = null;
    }
  }

  async #flushOnce(): Promise<void> {
    // Before the signals: a run that hears of its session's end shows what the session has spent.
    const meteringDueAt = await flushMetering(this.#deps);
    // Then runs: people wait for them.
    const signalled = await this.#signalAll();
    const projected = await this.#project();
    const woken = projected && (await flushQueueWake(this.#deps));
    const reported = await flushDeliverers(this.#deps);
    const written = await flushCapabilities(this.#deps);
    const { alarms, clock, storage } = this.#deps;
    const pending = [
      storage.projection(),
      ...storage.signals(),
      ...storage.pendingQueueWakes(),
      ...storage.pendingDeliverers(),
      ...storage.pendingCapabilities(),
    ];
    const attempts = Math.max(1, ...pending.map((effect) => effect.attempts));
    const isDone = signalled && projected && woken && reported && written;
    const due = [isDone ? null : clock.now() + backoffMs(attempts, RETRY), meteringDueAt].filter((at) => at !== null);
    alarms.set(EFFECTS_ALARM, due.length === 0 ? null : Math.min(...due));
    alarms.arm();
  }

  async #signalAll(): Promise<boolean> {
    const { storage, logger } = this.#deps;
    let all = true;
    for (const signal of storage.signals()) {
      const delivered = await this.#signal(signal);
      if (delivered) storage.removeSignal(signal);
      else if (signal.attempts < SIGNAL_MAX_ATTEMPTS) {
        storage.countSignalAttempt(signal);
        all = false;
      } else {
        logger.error("signal.abandoned", { runId: signal.runId });
        storage.removeSignal(signal);
      }
    }
    return all;
  }

  /** Returns true if the run has the signal or no longer needs it. */
  async #signal({ runId }: PendingSignal): Promise<boolean> {
    const { env, logger } = this.#deps;
    try {
      const run = await env.TASK_RUN.get(runId);
      try {
        await run.sendEvent({ type: "signal", payload: {} });
        return true;
      } catch (error) {
        const { status } = await run.status();
        if (status === "complete" || status === "errored" || status === "terminated") return true;
        throw error;
      }
    } catch (error) {
      // The platform has no error code for this, only the text.
      if (error instanceof Error && /not[_. ]found/i.test(error.message)) return true;
      logger.warn("signal.failed", { runId, error });
      return false;
    }
  }

  async #project(): Promise<boolean> {
    const { storage, config, logger } = this.#deps;
    const node = storage.node();
    const last = storage.projection();
    const destroyed = storage.destroyedUnprojected();
    if (node === null || (node.version <= last.version && destroyed.length === 0)) return true;
    try {
      const view = buildNodeView(node, storage, config);
      if (node.version > last.version) await this.#writeRow(view);
      await this.#writeWorkspaces(view, destroyed);
      // A version newer than this one is still pending.
      storage.saveProjection(Math.max(node.version, storage.projection().version), 0);
      if ((storage.node()?.version ?? 0) > node.version) this.#again = true;
      await this.#publish(view);
      return true;
    } catch (error) {
      logger.warn("projection.failed", { version: node.version, error });
      storage.saveProjection(last.version, last.attempts + 1);
      return false;
    }
  }

  /** Moves the row only forward: a late write of an older version changes nothing. */
  async #writeRow(view: NodeView): Promise<void> {
    const { id, name: _name, provider: _provider, size: _size, pricePerHour, taskIds, retainedTaskIds, ...rest } = view;
    const db = database(this.#deps.env);
    await db.batch([
      recordChange(db, view, this.#deps.clock.now()),
      db
        .update(nodes)
        .set({
          ...rest,
          taskIds: [...taskIds],
          retainedTaskIds: [...retainedTaskIds],
          priceAmount: pricePerHour?.amount ?? null,
          priceCurrency: pricePerHour?.currency ?? null,
        })
        .where(and(eq(nodes.id, id), lt(nodes.version, view.version))),
    ]);
  }

  /** A retained workspace is destroyed once its node has reported that, or is itself destroyed. */
  async #writeWorkspaces(view: NodeView, destroyed: ReturnType<NodeStorage["destroyedUnprojected"]>): Promise<void> {
    const { env, clock, storage } = this.#deps;
    const gone = { state: "destroyed", updatedAt: clock.now() } as const;
    const waiting = inArray(workspaces.state, ["retained", "destroying"]);
    if (destroyed.length > 0) {
      await database(env)
        .update(workspaces)
        .set(gone)
        .where(and(inArray(workspaces.id, [...destroyed]), waiting));
      for (const workspaceId of destroyed) storage.markProjected(workspaceId);
    }
    if (view.state !== "destroyed") return;
    await this.#addRemovalNotices(view);
    await database(env)
      .update(workspaces)
      .set(gone)
      .where(and(eq(workspaces.nodeId, view.id), waiting));
  }

  /** Must precede the update of the rows, so that a repeated flush still finds them. */
  async #addRemovalNotices(view: NodeView): Promise<void> {
    const { env, logger } = this.#deps;
    const retained = await database(env)
      .select()
      .from(workspaces)
      .where(and(eq(workspaces.nodeId, view.id), eq(workspaces.state, "retained")));
    const results = await Promise.allSettled(retained.map((row) => addRemovalNotice(env, row, "node_gone")));
    for (const each of results)
      if (each.status === "rejected") logger.warn("workspace.notice_failed", { reason: each.reason });
  }

  /** Best effort: a viewer that misses the event reads the row. */
  async #publish(view: NodeView): Promise<void> {
    const { env, storage, logger } = this.#deps;
    const results = await Promise.allSettled(
      storage.audience().map((projectId) => getProjectData({ env }, projectId).publishNode(view)),
    );
    for (const each of results)
      if (each.status === "rejected") logger.warn("node.publish_failed", { reason: each.reason });
  }
}
