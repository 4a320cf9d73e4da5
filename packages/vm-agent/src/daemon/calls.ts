/** Answers the control plane's questions. Nothing is kept of them; each answer is bounded in time and size. */
import type { Logger, WorkspaceId } from "@samovar/base";
import { errorMessage, redactText } from "@samovar/base";
import type { NodeCall, NodeReply } from "@samovar/contracts";
import type { DaemonStore } from "./store/store.ts";
import { lookInto } from "./workspaces/look.ts";
import { checkoutPlaces, workspaceDirectory } from "./workspaces/places.ts";

export interface CallPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly stateDir: string;
  readonly stopping: AbortSignal;
}

/** The asker waits 10 s. */
const ANSWER_TIMEOUT_MS = 9_000;

export class Calls {
  readonly #ports: CallPorts;
  /** Two who look at once share one look. */
  readonly #looks = new Map<WorkspaceId, Promise<NodeReply>>();

  constructor(ports: CallPorts) {
    this.#ports = ports;
  }

  /** Never rejects. */
  answer(call: NodeCall): Promise<NodeReply> {
    const { workspaceId } = call;
    const known = this.#looks.get(workspaceId);
    if (known !== undefined) return known;
    const asked = this.#look(workspaceId).finally(() => this.#looks.delete(workspaceId));
    this.#looks.set(workspaceId, asked);
    return asked;
  }

  async #look(workspaceId: WorkspaceId): Promise<NodeReply> {
    const { store, stateDir, stopping, logger } = this.#ports;
    const row = store.workspace(workspaceId);
    if (row === null) return failed("workspace_not_found", "This workspace is not on its machine any more.");
    if (row.state === "creating") return failed("workspace_not_ready", "The workspace is still being made.");
    if (row.state === "destroying") return failed("workspace_not_found", "The workspace is being removed.");
    if (row.baseCommit === null) return failed("workspace_not_ready", "The workspace has no checkout.");
    const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    try {
      const seen = await lookInto({
        places: checkoutPlaces(stateDir, row.place),
        directory: workspaceDirectory(stateDir, row.place),
        baseCommit: row.baseCommit,
        signal: AbortSignal.any([stopping, late]),
      });
      return seen.ok ? { kind: "workspace.diff", diff: seen.value } : { kind: "failed", failure: seen.error };
    } catch (error) {
      if (late.aborted) return failed("look_failed", "The checkout is too large to be compared in time.");
      logger.warn("call.failed", { call: "workspace.diff", workspace: workspaceId, error });
      return failed("look_failed", redactText(`The workspace cannot be read: ${errorMessage(error)}`).slice(0, 4000));
    }
  }
}

const failed = (code: string, message: string): NodeReply => ({ kind: "failed", failure: { code, message } });
