/** Answers the control plane's calls. Calls are not stored; each answer is bounded in time and size. */
import type { Logger, WorkspaceId } from "@samovar/base";
import { errorMessage, redactText } from "@samovar/base";
import type { DemandedRuntime, NodeCall, NodeReply } from "@samovar/contracts";
import type { CheckoutRuntime } from "./git/checkout-shell.ts";
import type { SessionRuntimes } from "./sessions/session-runtimes.ts";
import type { WorkspaceUsers } from "../users/workspace-users.ts";
import type { DaemonStore } from "./store/store.ts";
import { readWorkspaceDiff } from "./workspaces/workspace-diff.ts";
import { getCheckoutPaths } from "./workspaces/workspace-paths.ts";

export interface CallPorts extends Pick<CheckoutRuntime, "limits"> {
  readonly runtimes: Pick<SessionRuntimes, "get">;
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly stateDir: string;
  readonly users: Pick<WorkspaceUsers, "find">;
  readonly stopping: AbortSignal;
}

/** Less than the 10 s that the caller waits. */
const ANSWER_TIMEOUT_MS = 9_000;

export class Calls {
  readonly #ports: CallPorts;
  /** Concurrent calls for one workspace share one answer. */
  readonly #pending = new Map<WorkspaceId, Promise<NodeReply>>();

  constructor(ports: CallPorts) {
    this.#ports = ports;
  }

  /** Never rejects. */
  answer(call: NodeCall): Promise<NodeReply> {
    const { workspaceId } = call;
    const known = this.#pending.get(workspaceId);
    if (known !== undefined) return known;
    const reply = this.#readDiff(workspaceId).finally(() => this.#pending.delete(workspaceId));
    this.#pending.set(workspaceId, reply);
    return reply;
  }

  /** Of the workspace's last session: its agent owned the checkout. */
  #findDemand(workspaceId: WorkspaceId): DemandedRuntime | null {
    const sessions = this.#ports.store.sessions().filter((session) => session.workspaceId === workspaceId);
    return sessions.at(-1)?.args.runtime ?? null;
  }

  async #readDiff(workspaceId: WorkspaceId): Promise<NodeReply> {
    const { store, stateDir, stopping, logger } = this.#ports;
    const row = store.workspace(workspaceId);
    if (row === null) return createFailure("workspace_not_found", "This workspace is no longer on its node.");
    if (row.state === "creating") return createFailure("workspace_not_ready", "The workspace is still being created.");
    if (row.state === "destroying") return createFailure("workspace_not_found", "The workspace is being removed.");
    if (row.baseCommit === null) return createFailure("workspace_not_ready", "The workspace has no checkout.");
    const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    try {
      const diff = await readWorkspaceDiff({
        paths: getCheckoutPaths(stateDir, row.directoryName),
        ...this.#ports,
        user: this.#ports.users.find(row.directoryName),
        runtime: await this.#ports.runtimes.get(this.#findDemand(workspaceId)),
        baseCommit: row.baseCommit,
        signal: AbortSignal.any([stopping, late]),
      });
      return diff.ok ? { kind: "workspace.diff", diff: diff.value } : { kind: "failed", failure: diff.error };
    } catch (error) {
      if (late.aborted) return createFailure("diff_failed", "The checkout is too large to compare in time.");
      logger.warn("call.failed", { call: "workspace.diff", workspace: workspaceId, error });
      return createFailure(
        "diff_failed",
        redactText(`The workspace cannot be read: ${errorMessage(error)}`).slice(0, 4000),
      );
    }
  }
}

const createFailure = (code: string, message: string): NodeReply => ({ kind: "failed", failure: { code, message } });
