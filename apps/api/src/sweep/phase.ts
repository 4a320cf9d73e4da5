/** A phase of the sweep and its outcome. */
import type { Millis } from "@samovar/base";
import type { Deps } from "../deps.ts";

/**
 * The most rows that one phase repairs in one sweep. All phases share one invocation, which may query D1 a thousand times. The
 * next sweep repairs the rest.
 */
export const PER_SWEEP = 40;

export interface PhaseOutcome {
  /** Things that needed repair. */
  readonly found: number;
  /** Repairs made. */
  readonly acted: number;
}

/** `now`: the time against which deadlines are compared. Throws if part of the work could not be done. */
export type Phase = (deps: Deps, now: Millis) => Promise<PhaseOutcome>;
