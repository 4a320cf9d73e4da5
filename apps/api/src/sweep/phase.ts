/** What a phase of the sweep is given, and what it answers. */
import type { Millis } from "@samovar/base";
import type { Deps } from "../deps.ts";

export interface PhaseOutcome {
  /** What looked wrong. */
  readonly found: number;
  /** What was done about it. */
  readonly acted: number;
}

/** `now`: the moment by which things are judged late. Throws when part of the work could not be done. */
export type Phase = (deps: Deps, now: Millis) => Promise<PhaseOutcome>;
