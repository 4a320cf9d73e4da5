/** Makes and removes workspaces. What is to be done stands in the store; a keeper that starts anew goes on from there. */
import type { Logger, Result, WorkspaceId } from "@samovar/base";
import { err, errorMessage, ok, redactText } from "@samovar/base";
import type { Failure } from "@samovar/contracts";
import { mkdir, rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { withLimit } from "../../time-limit.ts";
import type { Checkout } from "../git/clone.ts";
import { cloneRepository } from "../git/clone.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";
import type { WorkspaceCallback } from "./callback.ts";
import { checkoutPlaces, removeSessionLinks, workspaceDirectory } from "./places.ts";

export interface KeeperPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly stateDir: string;
  readonly callback: WorkspaceCallback;
  /** For a checkout, all of it. */
  readonly cloneTimeoutMs: number;
  /** Ends the workspace's sessions; settles when their hosts are gone. */
  endSessions(workspace: WorkspaceId): Promise<void>;
  /** The workspace's state has changed. */
  changed(workspace: WorkspaceId): void;
  /** Its checkout is about to be made. */
  creating(workspace: WorkspaceRow): void;
  /** Nothing is left to do for the workspace now. */
  rested(): void;
  readonly stopping: AbortSignal;
}

const RETRY_REMOVAL_MS = 2_000;

export class WorkspaceKeeper {
  readonly #ports: KeeperPorts;
  readonly #busy = new Map<WorkspaceId, { readonly abort: AbortController; readonly done: Promise<void> }>();

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
  }

  /** Does what the store says is to be done for the workspace. A removal interrupts the making. */
  poke(id: WorkspaceId): void {
    const busy = this.#busy.get(id);
    if (busy !== undefined) {
      if (this.#ports.store.workspace(id)?.state === "destroying") busy.abort.abort();
      return;
    }
    const abort = new AbortController();
    const done = this.#run(id, AbortSignal.any([abort.signal, this.#ports.stopping])).finally(() =>
      this.#busy.delete(id),
    );
    this.#busy.set(id, { abort, done });
  }

  /** Settles when nothing is being done any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#busy.values()].map((busy) => busy.done));
  }

  async #run(id: WorkspaceId, signal: AbortSignal): Promise<void> {
    const { store, logger, stopping } = this.#ports;
    for (let row = store.workspace(id); row !== null && !stopping.aborted; row = store.workspace(id)) {
      if (row.state === "creating") await this.#create(row, signal);
      else if (row.state === "destroying") await this.#destroy(row);
      else return;
    }
    logger.debug("workspace.idle", { workspace: id });
    this.#ports.rested();
  }

  async #create(row: WorkspaceRow, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#ports;
    const startedAt = performance.now();
    this.#ports.creating(row);
    try {
      const checkout = await this.#clone(row, signal);
      if (!checkout.ok) return this.#fail(row, checkout.error);
      this.#settle(row, () => {
        store.setWorkspace(row.id, { state: "ready", ...checkout.value });
        store.append({ kind: "workspace.ready", workspaceId: row.id, ...checkout.value });
      });
      logger.info("workspace.ready", {
        workspace: row.id,
        branch: checkout.value.branch,
        tookMs: Math.round(performance.now() - startedAt),
      });
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(row, {
        code: "workspace_failed",
        message: redactText(`The workspace could not be made: ${errorMessage(error)}`).slice(0, 4000),
      });
    }
  }

  async #clone({ id, place, args }: WorkspaceRow, signal: AbortSignal): Promise<Result<Checkout, Failure>> {
    const { stateDir, callback, cloneTimeoutMs } = this.#ports;
    await mkdir(workspaceDirectory(stateDir, place), { recursive: true, mode: 0o700 });
    const { sessionId } = args;
    return withLimit(cloneTimeoutMs, signal, async (within) => {
      const askLogin = async () =>
        sessionId === null ? ok(null) : await callback.gitLogin({ workspaceId: id, sessionId }, within.signal);
      try {
        return await cloneRepository(args, checkoutPlaces(stateDir, place), { signal: within.signal, askLogin });
      } catch (error) {
        if (!within.isLate()) throw error;
        const message = `The repository could not be cloned within ${Math.round(cloneTimeoutMs / 1000)} seconds.`;
        return err({ code: "clone_timeout", message });
      }
    });
  }

  #fail(row: WorkspaceRow, failure: Failure): void {
    const { store, logger } = this.#ports;
    this.#settle(row, () => {
      store.setWorkspace(row.id, { state: "failed" });
      store.append({ kind: "workspace.failed", workspaceId: row.id, failure });
    });
    logger.warn("workspace.failed", { workspace: row.id, code: failure.code });
  }

  /** Unless a removal was asked for meanwhile: then only the removal is told. */
  #settle(row: WorkspaceRow, change: () => void): void {
    const { store } = this.#ports;
    store.transaction(() => {
      if (store.workspace(row.id)?.state === "creating") change();
    });
    this.#ports.changed(row.id);
  }

  async #destroy(row: WorkspaceRow): Promise<void> {
    const { store, logger, stateDir, stopping } = this.#ports;
    await this.#ports.endSessions(row.id);
    if (stopping.aborted) return;
    try {
      const sessions = store.sessions().filter((session) => session.workspaceId === row.id);
      removeSessionLinks(stateDir, row, sessions);
      await rm(workspaceDirectory(stateDir, row.place), { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      // A process that is just dying may still write; a directory that stays would keep the last task's files.
      logger.error("workspace.removal_failed", { workspace: row.id, error });
      await pause(RETRY_REMOVAL_MS, undefined, { signal: stopping }).catch(() => {});
      return;
    }
    store.transaction(() => {
      store.removeWorkspace(row.id);
      store.append({ kind: "workspace.destroyed", workspaceId: row.id });
    });
    logger.info("workspace.destroyed", { workspace: row.id });
  }
}
