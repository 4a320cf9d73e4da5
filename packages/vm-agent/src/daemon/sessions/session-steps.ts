/**
 * Decides the next step of a session from the known facts. Pure, so that a daemon that was killed at any point resumes
 * from its store [R5][R21]. Every accepted session ends, and its end is reported once. Keeps T1.
 */
import { assertNever, backoffMs } from "@samovar/base";
import { TIME_LIMITS } from "@samovar/contracts";
import type { Failure, HostStatus, SessionOutcome } from "@samovar/contracts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";

export type HostView =
  /** The daemon has not tried to connect yet. */
  | { readonly is: "unchecked" }
  /** The socket does not answer. `process`: whether the host's process runs; `unknown` where the system cannot say. */
  | {
      readonly is: "silent";
      readonly since: number;
      readonly triedAt: number;
      readonly process: "alive" | "dead" | "unknown";
    }
  | { readonly is: "connected"; readonly status: HostStatus | null };

/**
 * Two clocks: `now` for the daemon's own pauses, and the host's, which counts only time in which the host could run. Time
 * limits of a host are measured on its clock, so that a host that is stopped or starved of CPU is not killed.
 */
export interface SessionFacts {
  readonly session: SessionRow;
  readonly workspace: Pick<WorkspaceRow, "state"> | null;
  readonly host: HostView;
  readonly hostNow: number;
  /** When the host was asked for an answer that has not come; null when none is due. On its clock. */
  readonly unansweredSince: number | null;
  /** On this connection, on the host's clock. */
  readonly cancelSentAt: number | null;
  readonly shutdownSentAt: number | null;
  /** On this connection. */
  readonly closeSent: boolean;
}

export interface StepLimits {
  /** How long the store may refuse messages before the end is reported without them. */
  readonly drainTimeoutMs: number;
}

export type SessionStep =
  /** Report an end without a host: it never started, or does not answer. */
  | {
      readonly do: "end-without-host";
      readonly outcome: Extract<SessionOutcome, "error" | "crashed" | "cancelled">;
      readonly failure: Failure;
    }
  /** Install the agent, write `host.json`, start the host. */
  | { readonly do: "launch" }
  | { readonly do: "relaunch" }
  | { readonly do: "connect" }
  | { readonly do: "kill-host" }
  | { readonly do: "report-started" }
  | { readonly do: "send-cancel"; readonly reason: string }
  | { readonly do: "record-end" }
  | { readonly do: "finish" }
  | { readonly do: "send-close" }
  | { readonly do: "report-end" }
  | { readonly do: "send-shutdown" }
  /** The host is gone: kill its leftover processes and release what the session holds. */
  | { readonly do: "finalize" }
  /** Until then, or until the supervisor is woken. */
  | { readonly do: "wait"; readonly until: number | null }
  | { readonly do: "stop" };

export const STEP_LIMITS = {
  launches: 4,
  reconnectEveryMs: 20,
  /** For a running host to answer. On its clock. */
  hostAnswerMs: 20_000,
  /** For a host whose pid was not recorded, on a system without `/proc`. */
  unknownMs: 3_000,
  /** For a cancelled host to end. On its clock. */
  cancelMs: TIME_LIMITS.HOST_STOP_MS.ms,
  /** For a drained host to exit after the shutdown. On its clock. */
  shutdownMs: 15_000,
  /** How often the host's clock is read while an answer is due. */
  readHostClockMs: 500,
} as const;

/** `now` is on the daemon's clock. */
export function nextStep(facts: SessionFacts, now: number, limits: StepLimits): SessionStep {
  switch (facts.session.phase) {
    case "accepted":
      return decideBeforeLaunch(facts);
    case "launched":
      return decideWhileLaunched(facts, now, limits);
    case "ended":
      return decideAfterEnd(facts, now);
    case "finalized":
      return { do: "stop" };
    default:
      return assertNever(facts.session.phase);
  }
}

function decideBeforeLaunch({ session, workspace }: SessionFacts): SessionStep {
  if (session.cancelReason !== null) {
    return {
      do: "end-without-host",
      outcome: "cancelled",
      failure: { code: "cancelled", message: session.cancelReason },
    };
  }
  if (workspace?.state === "ready") return { do: "launch" };
  if (workspace?.state === "creating") return { do: "wait", until: null };
  const message = "The session's workspace does not exist.";
  return { do: "end-without-host", outcome: "error", failure: { code: "workspace_not_ready", message } };
}

function decideWhileLaunched(facts: SessionFacts, now: number, limits: StepLimits): SessionStep {
  const { host, session, workspace } = facts;
  if (workspace === null) {
    const message = "The session's workspace was lost.";
    return { do: "end-without-host", outcome: "crashed", failure: { code: "workspace_lost", message } };
  }
  if (host.is === "unchecked") return { do: "connect" };
  if (host.is === "silent") return decideWhileSilent(host, facts, now);
  if (host.status === null) return waitForHost(facts, now);
  if (host.status.startedAt !== null && !session.startReported) return { do: "report-started" };
  return host.status.phase === "ended" ? decideAtEnd(facts, host.status, now, limits) : decideWhileWorking(facts, now);
}

function decideWhileWorking(facts: SessionFacts, now: number): SessionStep {
  const { session, cancelSentAt } = facts;
  if (session.cancelReason === null) return waitForHost(facts, now);
  if (cancelSentAt === null) return { do: "send-cancel", reason: session.cancelReason };
  return doAtHostTime({ do: "kill-host" }, cancelSentAt + STEP_LIMITS.cancelMs, facts, now);
}

function decideWhileSilent(host: Extract<HostView, { is: "silent" }>, facts: SessionFacts, now: number): SessionStep {
  const { session } = facts;
  const retryAt = host.triedAt + STEP_LIMITS.reconnectEveryMs;
  if (host.process === "alive")
    return isUnanswered(facts) ? { do: "kill-host" } : doAt({ do: "connect" }, retryAt, now);
  const relaunchAt =
    host.since + (host.process === "dead" ? getRelaunchDelay(session.launches) : STEP_LIMITS.unknownMs);
  if (now < relaunchAt) return doAt({ do: "connect" }, host.process === "dead" ? relaunchAt : retryAt, now);
  if (session.launches < STEP_LIMITS.launches) return { do: "relaunch" };
  // Completed work is pushed even when the host is lost afterwards.
  if (session.reportedEnd?.end.outcome === "clean" && session.finish === null) return { do: "finish" };
  const message = "The session's process could not be started.";
  return { do: "end-without-host", outcome: "crashed", failure: { code: "host_failed", message } };
}

const RELAUNCH = { initialMs: 400, maxMs: 60_000 };

/** Milliseconds. The first relaunch is immediate, so that a killed host's transcript is complete again soon. */
function getRelaunchDelay(launches: number): number {
  return launches <= 1 ? 0 : backoffMs(launches - 1, RELAUNCH);
}

function decideAtEnd(facts: SessionFacts, status: HostStatus, now: number, limits: StepLimits): SessionStep {
  const { session, closeSent } = facts;
  if (session.reportedEnd === null) return { do: "record-end" };
  if (session.reportedEnd.end.outcome === "clean" && session.finish === null) return { do: "finish" };
  if (!status.closed) return closeSent ? waitForHost(facts, now) : { do: "send-close" };
  // Only refusals count; an outage has no limit [F7].
  if (status.drained || status.refusedMs >= limits.drainTimeoutMs) return { do: "report-end" };
  return waitForHost(facts, now);
}

function decideAfterEnd(facts: SessionFacts, now: number): SessionStep {
  const { host, shutdownSentAt, workspace } = facts;
  if (workspace === null) return { do: "finalize" };
  if (host.is === "unchecked") return { do: "connect" };
  if (host.is === "silent") {
    if (host.process !== "alive") return { do: "finalize" };
    if (isUnanswered(facts)) return { do: "kill-host" };
    return doAt({ do: "connect" }, host.triedAt + STEP_LIMITS.reconnectEveryMs, now);
  }
  if (shutdownSentAt === null) return { do: "send-shutdown" };
  // A host with undelivered messages stays until they are delivered, or until its workspace is destroyed.
  if (host.status?.drained === false && workspace.state !== "destroying") return waitForHost(facts, now);
  return doAtHostTime({ do: "kill-host" }, shutdownSentAt + STEP_LIMITS.shutdownMs, facts, now);
}

/** Waits for the host; kills it when an answer is overdue. */
function waitForHost(facts: SessionFacts, now: number): SessionStep {
  const { unansweredSince } = facts;
  if (unansweredSince === null) return { do: "wait", until: null };
  return doAtHostTime({ do: "kill-host" }, unansweredSince + STEP_LIMITS.hostAnswerMs, facts, now);
}

const isUnanswered = ({ unansweredSince, hostNow }: SessionFacts): boolean =>
  unansweredSince !== null && hostNow >= unansweredSince + STEP_LIMITS.hostAnswerMs;

function doAtHostTime(step: SessionStep, at: number, { hostNow }: SessionFacts, now: number): SessionStep {
  if (hostNow >= at) return step;
  return { do: "wait", until: now + Math.min(at - hostNow, STEP_LIMITS.readHostClockMs) };
}

function doAt(step: SessionStep, at: number, now: number): SessionStep {
  return now >= at ? step : { do: "wait", until: at };
}
