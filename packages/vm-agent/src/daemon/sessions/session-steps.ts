/**
 * What to do next for a session, from what is known: pure, so that a daemon that was killed anywhere goes on
 * from its store [R5][R21]. A session that was asked for always comes to an end that is reported once. Keeps T1.
 */
import { assertNever, backoffMs } from "@samovar/base";
import { TIME_LIMITS } from "@samovar/contracts";
import type { Failure, HostStatus, SessionOutcome } from "@samovar/contracts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";

export type HostView =
  /** Nobody has looked at its socket yet. */
  | { readonly is: "unseen" }
  /** Nobody answers. `process`: whether the host's process runs; `unknown` where the system does not tell. */
  | {
      readonly is: "silent";
      readonly since: number;
      readonly lookedAt: number;
      readonly process: "alive" | "dead" | "unknown";
    }
  | { readonly is: "connected"; readonly status: HostStatus | null };

/**
 * Two clocks: `now` for our own pauses, and the host's, which counts only time in which the host could have acted. What is
 * held against a host is measured on its clock, so a host that is stopped or starved of CPU is waited for.
 */
export interface SessionFacts {
  readonly session: SessionRow;
  readonly workspace: Pick<WorkspaceRow, "state"> | null;
  readonly host: HostView;
  readonly hostNow: number;
  /** Since when the host has left us without an answer; null when none is due. On its clock. */
  readonly unansweredSince: number | null;
  /** On this connection, on the host's clock. */
  readonly cancelSentAt: number | null;
  readonly dismissSentAt: number | null;
  /** On this connection. */
  readonly closeSent: boolean;
}

export interface StepLimits {
  /** How long the store may go on refusing messages before the end is reported without them. */
  readonly drainTimeoutMs: number;
}

export type SessionStep =
  /** Report an end without a host: it never began, or cannot be brought to speak. */
  | {
      readonly do: "end-unheard";
      readonly outcome: Extract<SessionOutcome, "error" | "crashed" | "cancelled">;
      readonly failure: Failure;
    }
  /** Install the agent, write what the host is to do, start it. */
  | { readonly do: "launch" }
  | { readonly do: "relaunch" }
  | { readonly do: "look" }
  | { readonly do: "kill-host" }
  | { readonly do: "tell-started" }
  | { readonly do: "send-cancel"; readonly reason: string }
  | { readonly do: "note-end" }
  | { readonly do: "finish" }
  | { readonly do: "send-close" }
  | { readonly do: "tell-end" }
  | { readonly do: "send-dismiss" }
  /** The host is gone and nothing is left to do but to remember it. */
  | { readonly do: "settle" }
  /** Until then, or until something is heard. */
  | { readonly do: "wait"; readonly until: number | null }
  | { readonly do: "rest" };

export const STEP_LIMITS = {
  launches: 4,
  lookEveryMs: 20,
  /** A host that runs and does not answer. On its clock. */
  hostAnswerMs: 20_000,
  /** A host whose number we did not get to write down, on a system that cannot be asked for it. */
  unknownMs: 3_000,
  /** A host that was told to cancel and has not ended. On its clock. */
  cancelMs: TIME_LIMITS.HOST_STOP_MS.ms,
  /** A drained host that was dismissed and has not left. On its clock. */
  dismissMs: 15_000,
  /** While an answer of the host is waited for, its clock is read this often. */
  readHostClockMs: 500,
} as const;

export function nextStep(facts: SessionFacts, now: number, limits: StepLimits): SessionStep {
  switch (facts.session.phase) {
    case "accepted":
      return beforeLaunch(facts);
    case "launched":
      return whileLaunched(facts, now, limits);
    case "ended":
      return afterEnd(facts, now);
    case "dismissed":
      return { do: "rest" };
    default:
      return assertNever(facts.session.phase);
  }
}

function beforeLaunch({ session, workspace }: SessionFacts): SessionStep {
  if (session.cancelReason !== null) {
    return { do: "end-unheard", outcome: "cancelled", failure: { code: "cancelled", message: session.cancelReason } };
  }
  if (workspace?.state === "ready") return { do: "launch" };
  if (workspace?.state === "creating") return { do: "wait", until: null };
  const message = "The session's workspace is not there.";
  return { do: "end-unheard", outcome: "error", failure: { code: "workspace_not_ready", message } };
}

function whileLaunched(facts: SessionFacts, now: number, limits: StepLimits): SessionStep {
  const { host, session, workspace } = facts;
  if (workspace === null) {
    const message = "The session's workspace was lost.";
    return { do: "end-unheard", outcome: "crashed", failure: { code: "workspace_lost", message } };
  }
  if (host.is === "unseen") return { do: "look" };
  if (host.is === "silent") return whileSilent(host, facts, now);
  if (host.status === null) return unlessAnswered(facts, now);
  if (host.status.startedAt !== null && !session.startedTold) return { do: "tell-started" };
  return host.status.phase === "ended" ? atEnd(facts, host.status, now, limits) : whileWorking(facts, now);
}

function whileWorking(facts: SessionFacts, now: number): SessionStep {
  const { session, cancelSentAt } = facts;
  if (session.cancelReason === null) return unlessAnswered(facts, now);
  if (cancelSentAt === null) return { do: "send-cancel", reason: session.cancelReason };
  return onHostClock({ do: "kill-host" }, cancelSentAt + STEP_LIMITS.cancelMs, facts, now);
}

function whileSilent(host: Extract<HostView, { is: "silent" }>, facts: SessionFacts, now: number): SessionStep {
  const { session } = facts;
  const lookAt = host.lookedAt + STEP_LIMITS.lookEveryMs;
  if (host.process === "alive") return isUnanswered(facts) ? { do: "kill-host" } : waitOr({ do: "look" }, lookAt, now);
  const relaunchAt = host.since + (host.process === "dead" ? relaunchDelay(session.launches) : STEP_LIMITS.unknownMs);
  if (now < relaunchAt) return waitOr({ do: "look" }, host.process === "dead" ? relaunchAt : lookAt, now);
  if (session.launches < STEP_LIMITS.launches) return { do: "relaunch" };
  // What the agent has finished is pushed even when its host is lost after it.
  if (session.endSeen?.end.outcome === "clean" && session.finish === null) return { do: "finish" };
  const message = "The session's process could not be started.";
  return { do: "end-unheard", outcome: "crashed", failure: { code: "host_failed", message } };
}

const RELAUNCH = { initialMs: 400, maxMs: 60_000 };

/** The first time at once: a killed host's transcript should be whole again soon. */
function relaunchDelay(launches: number): number {
  return launches <= 1 ? 0 : backoffMs(launches - 1, RELAUNCH);
}

function atEnd(facts: SessionFacts, status: HostStatus, now: number, limits: StepLimits): SessionStep {
  const { session, closeSent } = facts;
  if (session.endSeen === null) return { do: "note-end" };
  if (session.endSeen.end.outcome === "clean" && session.finish === null) return { do: "finish" };
  if (!status.closed) return closeSent ? unlessAnswered(facts, now) : { do: "send-close" };
  // Only refusals count: an outage, however long, is waited out [F7].
  if (status.drained || status.refusedMs >= limits.drainTimeoutMs) return { do: "tell-end" };
  return unlessAnswered(facts, now);
}

function afterEnd(facts: SessionFacts, now: number): SessionStep {
  const { host, dismissSentAt, workspace } = facts;
  if (workspace === null) return { do: "settle" };
  if (host.is === "unseen") return { do: "look" };
  if (host.is === "silent") {
    if (host.process !== "alive") return { do: "settle" };
    if (isUnanswered(facts)) return { do: "kill-host" };
    return waitOr({ do: "look" }, host.lookedAt + STEP_LIMITS.lookEveryMs, now);
  }
  if (dismissSentAt === null) return { do: "send-dismiss" };
  // A host that still holds messages stays until they are delivered, or until its files are about to go.
  if (host.status?.drained === false && workspace.state !== "destroying") return unlessAnswered(facts, now);
  return onHostClock({ do: "kill-host" }, dismissSentAt + STEP_LIMITS.dismissMs, facts, now);
}

/** Waits for news of the host; one that owes an answer for too long is killed. */
function unlessAnswered(facts: SessionFacts, now: number): SessionStep {
  const { unansweredSince } = facts;
  if (unansweredSince === null) return { do: "wait", until: null };
  return onHostClock({ do: "kill-host" }, unansweredSince + STEP_LIMITS.hostAnswerMs, facts, now);
}

const isUnanswered = ({ unansweredSince, hostNow }: SessionFacts): boolean =>
  unansweredSince !== null && hostNow >= unansweredSince + STEP_LIMITS.hostAnswerMs;

function onHostClock(step: SessionStep, at: number, { hostNow }: SessionFacts, now: number): SessionStep {
  if (hostNow >= at) return step;
  return { do: "wait", until: now + Math.min(at - hostNow, STEP_LIMITS.readHostClockMs) };
}

function waitOr(step: SessionStep, at: number, now: number): SessionStep {
  return now >= at ? step : { do: "wait", until: at };
}
