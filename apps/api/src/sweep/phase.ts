/** A phase of the sweep and its outcome. */
import type { Millis } from "@samovar/base";
import type { Deps } from "../deps.ts";

export interface PhaseOutcome {
  /** Things that needed repair. */
  readonly found: number;
  /** Repairs made. */
  readonly acted: number;
}

/** `now`: the time against which deadlines are compared. Throws if part of the work could not be done. */
export type Phase = (deps: Deps, now: Millis) => Promise<PhaseOutcome>;
