/** What a run knows about its node, workspace and session at one moment. The node's object makes it; the run decides from it. */
import type { Millis } from "@samovar/base";
import type { Failure, NodeStateName, SessionEnd } from "@samovar/contracts";

export interface RunObservation {
  readonly node: {
    readonly state: NodeStateName;
    readonly connected: boolean;
    /** Since when the link is down; null when it is up or never was. */
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
    /** When a process needed for the start was reported to wait long for the start gate; null when none was. */
    readonly startDelayedAt: Millis | null;
    readonly end: SessionEnd | null;
  };
}
