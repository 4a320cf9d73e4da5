/** What a run can know of its node, its workspace and its session now: the node's object makes it, the run decides by it. */
import type { Millis } from "@samovar/base";
import type { Failure, NodeStateName, SessionEnd } from "@samovar/contracts";

export interface RunObservation {
  readonly node: {
    readonly state: NodeStateName;
    readonly connected: boolean;
    /** Since when the link is down; null when it is up, or was never. */
    readonly downSince: Millis | null;
    readonly failure: Failure | null;
  };
  readonly workspace: {
    readonly state: "creating" | "ready" | "failed" | "destroyed";
    readonly branch: string | null;
    readonly failure: Failure | null;
  };
  readonly session: {
    readonly startedAt: Millis | null;
    /** Null when no process of its start has waited long for its turn. */
    readonly startDelayedAt: Millis | null;
    readonly end: SessionEnd | null;
  };
}
