/**
 * What to do next for a session, from what is known: pure, so that a switchboard that was killed anywhere goes on
 * from its store [R5][R21]. A session that was asked for always comes to an end that is told once. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import { TIME_LIMITS } from "@samovar/contracts";
import type { Failure, HostStatus, SessionOutcome } from "@samovar/contracts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";

export type HostView =
  /** Nobody has looked at its socket yet. */
  | { readonly is: "unseen" }
  /** Nobody answers. `process`: whether the process that we know of still runs; `unmarked` when we know of none. */
  | {
      readonly is: "silent";
      readonly since: number;
      readonly lookedAt: number;
      readonly process: "alive" | "dead" | "unmarked";
    }
  | { readonly is: "connected"; readonly since: number; readonly status: HostStatus | null };

export interface SessionFacts {
  readonly session: SessionRow;
  readonly workspace: Pick<WorkspaceRow, "state"> | null;
  readonly host: HostView;
  /** Since when the control plane can be told anything; null while it cannot. */
  readonly linkedSince: number | null;
  /** On this connection to the host. */
  readonly cancelSentAt: number | null;
  /** The notice of the push, with the count of finished messages before it. */
  readonly notice: { readonly sentAt: number; readonly countBefore: number } | null;
  readonly dismissSentAt: number | null;
}

export interface StepLimits {
  readonly drainTimeoutMs: number;
}

export type SessionStep =
  /** Tell an end without a host: it never began, or cannot be brought to speak. */
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
  | { readonly do: "send-notice" }
  | { readonly do: "tell-end" }
  | { readonly do: "send-dismiss" }
  /** The host is gone and nothing is left to do but to remember it. */
  | { readonly do: "settle" }
  /** Until then, or until something is heard. */
  | { readonly do: "wait"; readonly until: number | null }
  | { readonly do: "rest" };

export const STEP_LIMITS = {
  launches: 4,
  lookEveryMs: 50,
  /** A host that runs and does not answer. */
  hostAnswerMs: 20_000,
  /** A host whose number we did not get to write down. */
  unmarkedMs: 3_000,
  /** A host that was told to cancel and has not ended. */
  cancelMs: TIME_LIMITS.HOST_STOP_MS.ms,
  /** For the notice to show in the transcript's count. */
  noticeMs: 3_000,
  /** A drained host that was dismissed and has not left. */
  dismissMs: 15_000,
} as const;

export function nextStep(facts: SessionFacts, now: number, limits: StepLimits): SessionStep {
  switch (facts.session.phase) {
    case "accepted":
      return beforeLaunch(facts);
    case "launched":
      return whileLaunched(facts, now, limits);
    case "ended":
      return afterEnd(facts, now, limits);
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
  if (host.is === "silent") return whileSilent(host, session, now);
  if (host.status === null) return waitOr({ do: "kill-host" }, host.since + STEP_LIMITS.hostAnswerMs, now);
  if (host.status.startedAt !== null && !session.startedTold) return { do: "tell-started" };
  return host.status.phase === "ended" ? atEnd(facts, host.status, now, limits) : whileWorking(facts, now);
}

function whileWorking({ session, cancelSentAt }: SessionFacts, now: number): SessionStep {
  if (session.cancelReason === null) return { do: "wait", until: null };
  if (cancelSentAt === null) return { do: "send-cancel", reason: session.cancelReason };
  return waitOr({ do: "kill-host" }, cancelSentAt + STEP_LIMITS.cancelMs, now);
}

function whileSilent(host: Extract<HostView, { is: "silent" }>, session: SessionRow, now: number): SessionStep {
  const lookAt = host.lookedAt + STEP_LIMITS.lookEveryMs;
  const patience = {
    alive: STEP_LIMITS.hostAnswerMs,
    unmarked: STEP_LIMITS.unmarkedMs,
    dead: relaunchDelay(session.launches),
  }[host.process];
  if (now < host.since + patience)
    return waitOr({ do: "look" }, host.process === "dead" ? host.since + patience : lookAt, now);
  if (host.process === "alive") return { do: "kill-host" };
  if (session.launches < STEP_LIMITS.launches) return { do: "relaunch" };
  const message = "The session's process could not be started.";
  return { do: "end-unheard", outcome: "crashed", failure: { code: "host_failed", message } };
}

/** The first time at once: a killed host's transcript should be whole again soon. */
function relaunchDelay(launches: number): number {
  return launches <= 1 ? 0 : 100 * 2 ** launches;
}

function atEnd(facts: SessionFacts, status: HostStatus, now: number, limits: StepLimits): SessionStep {
  const { session, notice, linkedSince } = facts;
  if (session.endSeen === null) return { do: "note-end" };
  if (session.endSeen.end.outcome === "clean") {
    if (session.finish === null) return { do: "finish" };
    const { pushed, pushError, warning } = session.finish;
    if (pushed || pushError !== null || warning !== null) {
      if (notice === null) return { do: "send-notice" };
      const isCounted = status.proof.count > notice.countBefore;
      if (!isCounted && now < notice.sentAt + STEP_LIMITS.noticeMs)
        return { do: "wait", until: notice.sentAt + STEP_LIMITS.noticeMs };
    }
  }
  if (status.drained) return { do: "tell-end" };
  // While nothing can be delivered nothing is late: the clock runs from the link's return [F7].
  if (linkedSince === null) return { do: "wait", until: null };
  return waitOr({ do: "tell-end" }, Math.max(linkedSince, session.endSeen.at) + limits.drainTimeoutMs, now);
}

function afterEnd({ host, dismissSentAt, workspace }: SessionFacts, now: number, limits: StepLimits): SessionStep {
  if (workspace === null) return { do: "settle" };
  if (host.is === "unseen") return { do: "look" };
  if (host.is === "silent") {
    if (host.process !== "alive") return { do: "settle" };
    if (now >= host.since + STEP_LIMITS.hostAnswerMs) return { do: "kill-host" };
    return waitOr({ do: "look" }, host.lookedAt + STEP_LIMITS.lookEveryMs, now);
  }
  if (dismissSentAt === null) return { do: "send-dismiss" };
  // A host that still holds messages leaves by its own deadline, unless its files are about to go.
  const mayHurry = host.status?.drained !== false || workspace?.state === "destroying";
  return waitOr(
    { do: "kill-host" },
    dismissSentAt + STEP_LIMITS.dismissMs + (mayHurry ? 0 : limits.drainTimeoutMs * 2),
    now,
  );
}

function waitOr(step: SessionStep, at: number, now: number): SessionStep {
  return now >= at ? step : { do: "wait", until: at };
}
