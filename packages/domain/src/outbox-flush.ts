/**
 * When the outbox sends: at once when it was idle, then spaced; one flush in flight; backing off when refused;
 * waiting for a token after a 401. No answer makes it drop a row. Keeps M1 [F7][F8][F38].
 *
 *   idle ──grew──▶ sending ──answered──▶ spacing ──due──▶ sending …
 *                     │ failed ──▶ backing_off ──due──▶ sending
 *                     │ unauthorized ──▶ token_wanted ──token──▶ sending
 */
import type { Millis } from "@samovar/base";
import { assertNever, backoffMs } from "@samovar/base";
import type { BatchLimits } from "./outbox.ts";

export interface FlushSettings extends BatchLimits {
  /** The least and the most time between two flushes; between them, as long as the store took to answer. */
  readonly minIntervalMs: number;
  readonly maxWaitMs: number;
  readonly retryInitialMs: number;
  readonly retryMaxMs: number;
}

export type FlushPhase =
  | { readonly kind: "idle" }
  | { readonly kind: "spacing"; readonly until: Millis; readonly pending: boolean }
  /** `repeat`: the store was behind, and this goes after it without waiting, once. */
  | { readonly kind: "sending"; readonly since: Millis; readonly repeat: boolean }
  | { readonly kind: "backing_off"; readonly until: Millis }
  /** `refused`: the store refused the last one. */
  | { readonly kind: "token_wanted"; readonly refused: boolean };

export interface FlushState {
  readonly phase: FlushPhase;
  /** Failures in a row. */
  readonly failures: number;
  /** Smaller than the settings after a 413; grows back with success. */
  readonly limits: BatchLimits;
  /** The pause before the request that is in flight or was the last; 0 when there was none. */
  readonly pausedMs: number;
  /** The pauses between refusals in a row. An outage is no refusal: what was not answered adds nothing. */
  readonly refusedMs: number;
}

export type FlushEvent =
  | { readonly kind: "grew" }
  | { readonly kind: "due" }
  | { readonly kind: "token" }
  /** `pending`: rows still wait. `again`: some must be sent again at once (`behind`). */
  | { readonly kind: "answered"; readonly pending: boolean; readonly again: boolean }
  /** There was nothing to send after all. */
  | { readonly kind: "empty" }
  | { readonly kind: "unauthorized" }
  | { readonly kind: "too_large"; readonly rows: number; readonly divisible: boolean }
  /** `answered`: the store refused; otherwise it could not be reached. `jitter` in [0, 1). */
  | {
      readonly kind: "failed";
      readonly answered: boolean;
      readonly retryAfterMs: number | null;
      readonly jitter: number;
    };

export type FlushEffect =
  | { readonly kind: "send"; readonly limits: BatchLimits }
  | { readonly kind: "wake"; readonly at: Millis }
  /** One row alone is too large for the store, and cannot be split. */
  | { readonly kind: "dead_letter_head" };

export interface FlushStep {
  readonly state: FlushState;
  readonly effects: readonly FlushEffect[];
}

const MIN_BATCH_BYTES = 1024;

export const initialFlush = (settings: FlushSettings): FlushState => ({
  phase: { kind: "token_wanted", refused: false },
  failures: 0,
  limits: { rows: settings.rows, bytes: settings.bytes },
  pausedMs: 0,
  refusedMs: 0,
});

export function flush(state: FlushState, event: FlushEvent, now: Millis, settings: FlushSettings): FlushStep {
  const { phase } = state;
  switch (event.kind) {
    case "grew":
      return grew(state, now);
    case "due":
      return due(state, now);
    case "token":
      return phase.kind === "token_wanted" ? send(state, now) : stay(state);
    case "empty":
      return { state: { ...state, phase: { kind: "idle" } }, effects: [] };
    case "answered":
      return answered(state, event, now, settings);
    case "unauthorized":
      return { state: { ...state, phase: { kind: "token_wanted", refused: true } }, effects: [] };
    case "too_large":
      return tooLarge(state, event, now);
    case "failed":
      return failed(state, event, now, settings);
    default:
      return assertNever(event, "flush event");
  }
}

function grew(state: FlushState, now: Millis): FlushStep {
  const { phase } = state;
  if (phase.kind === "idle") return send(state, now);
  if (phase.kind !== "spacing" || phase.pending) return stay(state);
  if (phase.until <= now) return send(state, now);
  return { state: { ...state, phase: { ...phase, pending: true } }, effects: [{ kind: "wake", at: phase.until }] };
}

function due(state: FlushState, now: Millis): FlushStep {
  const { phase } = state;
  if (phase.kind !== "spacing" && phase.kind !== "backing_off") return stay(state);
  if (phase.until > now) return { state, effects: [{ kind: "wake", at: phase.until }] };
  if (phase.kind === "spacing" && !phase.pending) return { state: { ...state, phase: { kind: "idle" } }, effects: [] };
  return send(state, now);
}

function answered(
  state: FlushState,
  event: Extract<FlushEvent, { kind: "answered" }>,
  now: Millis,
  settings: FlushSettings,
): FlushStep {
  const calm = { ...state, failures: 0, limits: regrown(state.limits, settings), pausedMs: 0, refusedMs: 0 };
  const mayRepeat = state.phase.kind === "sending" && !state.phase.repeat;
  if (event.again && mayRepeat) return send(calm, now, true);
  const tookMs = state.phase.kind === "sending" ? Math.max(0, now - state.phase.since) : 0;
  const until = now + Math.min(Math.max(tookMs, settings.minIntervalMs), settings.maxWaitMs);
  const effects: readonly FlushEffect[] = event.pending ? [{ kind: "wake", at: until }] : [];
  return { state: { ...calm, phase: { kind: "spacing", until, pending: event.pending } }, effects };
}

function tooLarge(state: FlushState, event: Extract<FlushEvent, { kind: "too_large" }>, now: Millis): FlushStep {
  const { limits } = state;
  if (event.rows > 1) return send({ ...state, limits: { ...limits, rows: Math.ceil(event.rows / 2) } }, now);
  if (event.divisible && limits.bytes > MIN_BATCH_BYTES) {
    return send({ ...state, limits: { rows: 1, bytes: Math.max(MIN_BATCH_BYTES, Math.floor(limits.bytes / 2)) } }, now);
  }
  const next = send(state, now);
  return { ...next, effects: [{ kind: "dead_letter_head" }, ...next.effects] };
}

function failed(
  state: FlushState,
  event: Extract<FlushEvent, { kind: "failed" }>,
  now: Millis,
  settings: FlushSettings,
): FlushStep {
  const backoff = { initialMs: settings.retryInitialMs, maxMs: settings.retryMaxMs };
  const pausedMs = Math.max(
    backoffMs(state.failures + 1, backoff, event.jitter),
    Math.round(Math.min(event.retryAfterMs ?? 0, settings.retryMaxMs)),
  );
  const until = now + pausedMs;
  const refusedMs = state.refusedMs + (event.answered ? state.pausedMs : 0);
  return {
    state: { ...state, failures: state.failures + 1, phase: { kind: "backing_off", until }, pausedMs, refusedMs },
    effects: [{ kind: "wake", at: until }],
  };
}

function send(state: FlushState, now: Millis, repeat = false): FlushStep {
  return {
    state: { ...state, phase: { kind: "sending", since: now, repeat } },
    effects: [{ kind: "send", limits: state.limits }],
  };
}

const stay = (state: FlushState): FlushStep => ({ state, effects: [] });

const regrown = (limits: BatchLimits, settings: FlushSettings): BatchLimits => ({
  rows: Math.min(settings.rows, limits.rows * 2),
  bytes: Math.min(settings.bytes, limits.bytes * 2),
});
