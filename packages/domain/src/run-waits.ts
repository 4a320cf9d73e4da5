/**
 * How long a run waits for each thing and how often it polls meanwhile. An outer limit is computed from the limits inside
 * it, so no setting can make it too short; polls are counted, because a workflow has a bounded number of steps. Keeps T1.
 */
import type { Millis } from "@samovar/base";
import { getEnclosingMs } from "@samovar/contracts";
import type { TimeLimits } from "@samovar/contracts";
import { MAX_REPLACEMENTS } from "./task-run.ts";
import type { RunWait } from "./task-run.ts";

/** A node that does not confirm a removal soon still has the command; the sweep handles the rest. */
const REMOVAL_MS = 15_000;

/** Longest wait of each kind, in milliseconds. A setting that is too small for the limits inside it is raised. */
export function getRunWaits(limits: TimeLimits): Readonly<Record<RunWait, number>> {
  const untilReady = [
    limits.AGENT_INSTALL_TIMEOUT_MS,
    limits.AGENT_CREDENTIAL_MS,
    limits.AGENT_READY_MS,
    limits.AGENT_RESTART_MS,
    // For the session host, the agent, and the agent's restart.
    3 * limits.START_WAIT_MS,
  ];
  const { SESSION_STOP_TIMEOUT_MS: stop, FINISH_TIMEOUT_MS: finish, DRAIN_TIMEOUT_MS: drain } = limits;
  return {
    node: getEnclosingMs(limits.NODE_BOOT_TIMEOUT_MS),
    workspace: Math.max(limits.WORKSPACE_READY_TIMEOUT_MS, getEnclosingMs(limits.CLONE_TIMEOUT_MS)),
    start: Math.max(limits.SESSION_START_TIMEOUT_MS, getEnclosingMs(...untilReady)) + limits.SETUP_TIMEOUT_MS,
    work: getEnclosingMs(limits.TASK_MAX_DURATION_MS, stop, finish, drain),
    drain: getEnclosingMs(stop, drain),
    removal: REMOVAL_MS,
  };
}

/** Steps that the platform allows one run, as `apps/api/wrangler.jsonc` says. */
export const MAX_STEPS = 10_000;

/** Polls in one wait. Together with all other steps they stay far below {@link MAX_STEPS}, see {@link countMostSteps}. */
export const MAX_POLLS: Readonly<Record<RunWait, number>> = {
  node: 40,
  workspace: 40,
  start: 70,
  work: 400,
  drain: 30,
  removal: 20,
};

/** Polls during one stay in the queue. */
export const MAX_QUEUE_POLLS = 150;

/** A run's other steps, rounded up: requests, changes of the task, marks, pull requests, and the repeated writes of its end. */
const SINGLE_STEPS = 150;

/**
 * The most steps of one run. A pause after a poll counts like a step, because the platform does not say whether a wait for an
 * event does. Each node that is tried may mean another stay in the queue, and the last poll of a wait is over its limit.
 */
export function countMostSteps(): number {
  const nodes = MAX_REPLACEMENTS + 1;
  const { node, workspace, start, work, drain, removal } = MAX_POLLS;
  const once = [start, work, drain, removal, MAX_VERIFICATIONS];
  const polls = [...once, ...Array.from({ length: nodes }, () => [MAX_QUEUE_POLLS, node, workspace]).flat()];
  return 2 * polls.reduce((sum, limit) => sum + limit + 1, 0) + SINGLE_STEPS;
}

/** The first wait for a signal. Signals are stored and retried until delivered, so a poll before one only makes up for a lost one. */
const FIRST_POLL_MS = 15_000;
/** After a poll that the node's object did not answer: no signal announces that it answers again. */
const UNANSWERED_POLL_MS = 1000;
/** The slowest polls are at least this far apart. While polls are plentiful, a lost signal costs no more than this. */
const SLOWEST_POLL_MS = 30_000;
/** The share of polls that may be used by time alone; the rest are for signals. */
const TIMED_SHARE = 0.75;

/** When a poll is later than planned by more than this, the run itself was late, and the excess is not counted. */
const LATE_POLL_MS = 5_000;

/** How long a wait has lasted at a poll. */
export interface WaitedTime {
  readonly now: Millis;
  /** The time that counts. */
  readonly waitedMs: number;
}

export interface PreviousPoll extends WaitedTime {
  /** The pause that was planned after it. */
  readonly plannedMs: number;
}

/**
 * How long a wait has lasted at `now`, given the previous poll. Time in which the control plane
 * was stopped or starved is not counted.
 */
export function measureWait(previous: PreviousPoll | null, now: Millis): WaitedTime {
  if (previous === null) return { now, waitedMs: 0 };
  const passedMs = Math.min(Math.max(0, now - previous.now), previous.plannedMs + LATE_POLL_MS);
  return { now, waitedMs: previous.waitedMs + passedMs };
}

/** The most comparisons of a transcript while the node still delivers it. */
export const MAX_VERIFICATIONS = 40;
const VERIFICATION_PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000] as const;

/** The pause before the next comparison, after `unchanged` ones in a row that found nothing new; null: stop comparing. */
export const getVerificationPauseMs = (unchanged: number): number | null => VERIFICATION_PAUSES_MS[unchanged] ?? null;

export interface PollPlan {
  /** Sleep this long, ignoring signals. */
  readonly sleepMs: number;
  /** Then wait this long for a signal; 0: do not wait. */
  readonly waitMs: number;
}

export interface PollProgress {
  readonly polls: number;
  /** How many polls in a row found nothing new; starts again when the node's object stops answering. */
  readonly unchanged: number;
  readonly maxPolls: number;
  /** The node's object did not answer the last poll. */
  readonly isSilent: boolean;
}

/**
 * When to poll again in a wait of `limitMs`. Signals may use a quarter of the polls. Once they have used more, the
 * remaining polls are spread over the remaining time, and signals have to wait.
 */
export function planPoll(
  { polls, unchanged, maxPolls, isSilent }: PollProgress,
  limitMs: number,
  deadline: Millis,
  now: Millis,
): PollPlan {
  const remaining = Math.max(1000, deadline - now);
  const left = Math.max(1, maxPolls - polls);
  const slowest = Math.max(SLOWEST_POLL_MS, limitMs / (maxPolls * TIMED_SHARE));
  if (left === 1 || remaining / left > slowest) return { sleepMs: Math.ceil(remaining / left), waitMs: 0 };
  const growing = (isSilent ? UNANSWERED_POLL_MS : FIRST_POLL_MS) * 2 ** Math.min(unchanged, 20);
  return { sleepMs: 0, waitMs: Math.ceil(Math.max(1000, Math.min(slowest, growing, remaining))) };
}
