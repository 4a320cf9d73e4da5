/**
 * What the object owes to others: its row in D1, its viewers, nudges to runs, word of room to those in line, and what agents
 * offer. Each debt is in storage first and is paid until it sticks. Keeps N1, T1.
 */
import { backoffMs } from "@samovar/base";
import type { NodeView } from "@samovar/contracts";
import { and, eq, inArray, lt } from "drizzle-orm";
import { database } from "../../database/index.ts";
import { nodes, workspaces } from "../../database/schema.ts";
import { projectData } from "../../sessions/durable-object/stub.ts";
import { tellRemoval } from "../../sessions/removal-notice.ts";
import { rememberChange } from "../history.ts";
import type { NamedAlarms } from "./alarms.ts";
import { payOffers } from "./offers.ts";
import { payRoom } from "./room.ts";
import type { RoomDeps } from "./room.ts";
import type { Nudge, NodeStorage } from "./storage.ts";
import { nodeViewOf } from "./view.ts";

export interface OutwardDeps extends RoomDeps {
  readonly alarms: NamedAlarms;
}

export const OUTWARD_ALARM = "outward";
const RETRY = { initialMs: 500, maxMs: 60_000 };
/** A run that cannot be reached for so many tries (about half a day) is the sweep's to repair. */
const NUDGE_MAX_ATTEMPTS = 720;

export class Outward {
  readonly #deps: OutwardDeps;
  #paying: Promise<void> | null = null;
  #again = false;

  constructor(deps: OutwardDeps) {
    this.#deps = deps;
  }

  /** Pays what is owed; what cannot be paid now is tried again from an alarm. One at a time; a call in the middle makes it look again. */
  pay(): Promise<void> {
    if (this.#paying !== null) {
      this.#again = true;
      return this.#paying;
    }
    // Not before the caller's transaction is over.
    this.#paying = Promise.resolve()
      .then(() => this.#payAll())
      .finally(() => {
        this.#paying = null;
      });
    return this.#paying;
  }

  async #payAll(): Promise<void> {
    do {
      this.#again = false;
      // Runs first: somebody is waiting for them.
      const nudged = await this.#nudgeAll();
      const projected = await this.#project();
      const told = projected && (await payRoom(this.#deps));
      const offered = await payOffers(this.#deps);
      const { alarms, clock, storage } = this.#deps;
      const owed = [storage.projection(), ...storage.nudges(), ...storage.owedRoom(), ...storage.owedOffers()];
      const tries = Math.max(1, ...owed.map((debt) => debt.attempts));
      alarms.set(OUTWARD_ALARM, nudged && projected && told && offered ? null : clock.now() + backoffMs(tries, RETRY));
      alarms.arm();
    } while (this.#again);
  }

  async #nudgeAll(): Promise<boolean> {
    const { storage, logger } = this.#deps;
    let all = true;
    for (const nudge of storage.nudges()) {
      const arrived = await this.#nudge(nudge);
      if (arrived) storage.nudgeArrived(nudge);
      else if (nudge.attempts < NUDGE_MAX_ATTEMPTS) {
        storage.nudgeFailed(nudge);
        all = false;
      } else {
        logger.error("nudge.given_up", { runId: nudge.runId });
        storage.nudgeArrived(nudge);
      }
    }
    return all;
  }

  /** True when the run has the event, or can never need it. */
  async #nudge({ runId }: Nudge): Promise<boolean> {
    const { env, logger } = this.#deps;
    try {
      const run = await env.TASK_RUN.get(runId);
      try {
        await run.sendEvent({ type: "nudge", payload: {} });
        return true;
      } catch (error) {
        const { status } = await run.status();
        if (status === "complete" || status === "errored" || status === "terminated") return true;
        throw error;
      }
    } catch (error) {
      // The platform has no code for it, only this text.
      if (error instanceof Error && /not[_. ]found/i.test(error.message)) return true;
      logger.warn("nudge.failed", { runId, error });
      return false;
    }
  }

  async #project(): Promise<boolean> {
    const { storage, config, logger } = this.#deps;
    const node = storage.node();
    const done = storage.projection();
    const destroyed = storage.destroyedUnprojected();
    if (node === null || (node.version <= done.version && destroyed.length === 0)) return true;
    try {
      const view = nodeViewOf(node, storage, config);
      if (node.version > done.version) await this.#writeRow(view);
      await this.#writeWorkspaces(view, destroyed);
      // One statement a fact: a newer version that came in the meantime is still owed.
      storage.saveProjection(Math.max(node.version, storage.projection().version), 0);
      if ((storage.node()?.version ?? 0) > node.version) this.#again = true;
      await this.#publish(view);
      return true;
    } catch (error) {
      logger.warn("projection.failed", { version: node.version, error });
      storage.saveProjection(done.version, done.attempts + 1);
      return false;
    }
  }

  /** Only ever forward: a late write of an older version changes nothing. */
  async #writeRow(view: NodeView): Promise<void> {
    const { id, name: _name, provider: _provider, size: _size, pricePerHour, taskIds, retainedTaskIds, ...rest } = view;
    const db = database(this.#deps.env);
    await db.batch([
      rememberChange(db, view, this.#deps.clock.now()),
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

  /** A kept workspace is over when the node said so, or when its node is no more. */
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
    await this.#tellKept(view);
    await database(env)
      .update(workspaces)
      .set(gone)
      .where(and(eq(workspaces.nodeId, view.id), waiting));
  }

  /** Before the rows say that they are gone: a debt that is paid again finds them still. */
  async #tellKept(view: NodeView): Promise<void> {
    const { env, logger } = this.#deps;
    const kept = await database(env)
      .select()
      .from(workspaces)
      .where(and(eq(workspaces.nodeId, view.id), eq(workspaces.state, "retained")));
    const told = await Promise.allSettled(kept.map((row) => tellRemoval(env, row, "machine_gone")));
    for (const each of told)
      if (each.status === "rejected") logger.warn("workspace.tell_failed", { reason: each.reason });
  }

  /** Viewers are told once; a page that missed it reads the row. */
  async #publish(view: NodeView): Promise<void> {
    const { env, storage, logger } = this.#deps;
    const told = await Promise.allSettled(
      storage.audience().map((projectId) => projectData({ env }, projectId).publishNode(view)),
    );
    for (const each of told)
      if (each.status === "rejected") logger.warn("node.publish_failed", { reason: each.reason });
  }
}
