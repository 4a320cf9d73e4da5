/** Creates and destroys workspaces. The pending work is in the store, so a restarted keeper resumes it. */
import type { Logger, Result, WorkspaceId } from "@samovar/base";
import { err, errorMessage, ok, redactText } from "@samovar/base";
import type { Failure, HostUser } from "@samovar/contracts";
import { rm } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { withLimit } from "../../time-limit.ts";
import type { Checkout } from "../git/clone.ts";
import { cloneRepository } from "../git/clone.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import type { WorkspaceUsers } from "../../users/workspace-users.ts";
import type { DaemonStore } from "../store/store.ts";
import type { WorkspaceCallback } from "./callback.ts";
import { getCheckoutPaths, removeSessionLinks, getWorkspaceDirectory } from "./workspace-paths.ts";

export interface KeeperPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly stateDir: string;
  readonly callback: Pick<WorkspaceCallback, "fetchGitLogin">;
  readonly users: Pick<WorkspaceUsers, "prepare" | "kill" | "release">;
  /** For the whole clone. */
  readonly cloneTimeoutMs: number;
  /** Ends the workspace's sessions; resolves when their hosts are gone. */
  endSessions(workspace: WorkspaceId): Promise<void>;
  /** The workspace's state has changed. */
  onChange(workspace: WorkspaceId): void;
  /** Called before the workspace is cloned. */
  onCreating(workspace: WorkspaceRow): void;
  /** Called when nothing is left to do for a workspace. */
  onIdle(): void;
  readonly stopping: AbortSignal;
}

const RETRY_REMOVAL_MS = 2_000;

interface Work {
  readonly abort: AbortController;
  readonly done: Promise<void>;
  /** Woken meanwhile: it may have read the workspace before the change. */
  isStale: boolean;
}

export class WorkspaceKeeper {
  readonly #ports: KeeperPorts;
  readonly #busy = new Map<WorkspaceId, Work>();

  constructor(ports: KeeperPorts) {
    this.#ports = ports;
  }

  /** Does the workspace's pending work. Destroying interrupts creating. */
  wake(id: WorkspaceId): void {
    const busy = this.#busy.get(id);
    if (busy !== undefined) {
      busy.isStale = true;
      if (this.#ports.store.workspace(id)?.state === "destroying") busy.abort.abort();
      return;
    }
    const abort = new AbortController();
    const done = this.#run(id, AbortSignal.any([abort.signal, this.#ports.stopping])).finally(() => {
      this.#busy.delete(id);
      if (work.isStale) this.wake(id);
    });
    const work: Work = { abort, done, isStale: false };
    this.#busy.set(id, work);
  }

  /** Resolves when no work is in progress. */
  async waitUntilIdle(): Promise<void> {
    await Promise.all([...this.#busy.values()].map((busy) => busy.done));
  }

  async #run(id: WorkspaceId, signal: AbortSignal): Promise<void> {
    const { store, logger, stopping } = this.#ports;
    for (let row = store.workspace(id); row !== null && !stopping.aborted; row = store.workspace(id)) {
      if (row.state === "creating") await this.#create(row, signal);
      else if (row.state === "destroying") await this.#destroy(row);
      else return;
    }
    logger.debug("workspace.processed", { workspace: id });
    this.#ports.onIdle();
  }

  async #create(row: WorkspaceRow, signal: AbortSignal): Promise<void> {
    const { store, logger } = this.#ports;
    const startedAt = performance.now();
    try {
      const user = await this.#ports.users.prepare(row.directoryName);
      this.#ports.onCreating(row);
      const checkout = await this.#clone(row, user, signal);
      if (!checkout.ok) return this.#fail(row, checkout.error);
      this.#complete(row, () => {
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
        message: redactText(`The workspace could not be created: ${errorMessage(error)}`).slice(0, 4000),
      });
    }
  }

  async #clone(
    { id, directoryName, args }: WorkspaceRow,
    user: HostUser | null,
    signal: AbortSignal,
  ): Promise<Result<Checkout, Failure>> {
    const { stateDir, callback, cloneTimeoutMs } = this.#ports;
    const { sessionId } = args;
    return withLimit(cloneTimeoutMs, signal, async (within) => {
      const requestLogin = async () =>
        sessionId === null ? ok(null) : await callback.fetchGitLogin({ workspaceId: id, sessionId }, within.signal);
      try {
        return await cloneRepository(args, getCheckoutPaths(stateDir, directoryName), {
          signal: within.signal,
          user,
          requestLogin,
        });
      } catch (error) {
        if (!within.isLate()) throw error;
        const message = `The repository could not be cloned within ${Math.round(cloneTimeoutMs / 1000)} seconds.`;
        return err({ code: "clone_timeout", message });
      }
    });
  }

  #fail(row: WorkspaceRow, failure: Failure): void {
    const { store, logger } = this.#ports;
    this.#complete(row, () => {
      store.setWorkspace(row.id, { state: "failed" });
      store.append({ kind: "workspace.failed", workspaceId: row.id, failure });
    });
    logger.warn("workspace.failed", { workspace: row.id, code: failure.code });
  }

  /** Applies the change unless the workspace is to be destroyed by now: then only that is reported. */
  #complete(row: WorkspaceRow, change: () => void): void {
    const { store } = this.#ports;
    store.transaction(() => {
      if (store.workspace(row.id)?.state === "creating") change();
    });
    this.#ports.onChange(row.id);
  }

  async #destroy(row: WorkspaceRow): Promise<void> {
    const { store, logger, stateDir, users, stopping } = this.#ports;
    await this.#ports.endSessions(row.id);
    if (stopping.aborted) return;
    try {
      const sessions = store.sessions().filter((session) => session.workspaceId === row.id);
      removeSessionLinks(stateDir, row, sessions);
      // No program of the workspace can lead the removal elsewhere by a link.
      users.kill(row.directoryName);
      await rm(getWorkspaceDirectory(stateDir, row.directoryName), { recursive: true, force: true, maxRetries: 5 });
    } catch (error) {
      // A dying process may still write. Retry, because a leftover directory would keep the last task's files.
      logger.error("workspace.removal_failed", { workspace: row.id, error });
      await pause(RETRY_REMOVAL_MS, undefined, { signal: stopping }).catch(() => {});
      return;
    }
    store.transaction(() => {
      store.removeWorkspace(row.id);
      store.append({ kind: "workspace.destroyed", workspaceId: row.id });
    });
    logger.info("workspace.destroyed", { workspace: row.id });
    // A user that is not released now is a leftover, which is cleared before it is given again.
    users.release(row.directoryName).catch((error: unknown) => logger.warn("user.not_released", { error }));
  }
}
