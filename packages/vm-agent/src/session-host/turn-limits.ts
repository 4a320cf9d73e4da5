/** The two time limits of a turn, on the agent's clock: silence while no tool runs, and the whole duration. Keeps T1 [F40][F47]. */
import type { Millis } from "@samovar/base";

export interface TurnTimes {
  readonly beganAt: Millis;
  readonly lastActivityAt: Millis;
  /** A tool runs or the host has paused the agent, so silence is expected. */
  readonly silenceAllowed: boolean;
}

export interface TurnLimits {
  readonly idleTimeoutMs: number;
  readonly maxDurationMs: number;
}

export type TurnCheck =
  | { readonly kind: "fine"; readonly checkAt: Millis }
  | { readonly kind: "silent" }
  | { readonly kind: "too_long" };

export function checkTurnLimits(state: TurnTimes, limits: TurnLimits, now: Millis): TurnCheck {
  const endsAt = state.beganAt + limits.maxDurationMs;
  if (now >= endsAt) return { kind: "too_long" };
  const silentAt = (state.silenceAllowed ? now : state.lastActivityAt) + limits.idleTimeoutMs;
  if (now >= silentAt) return { kind: "silent" };
  return { kind: "fine", checkAt: Math.min(endsAt, silentAt) };
}
