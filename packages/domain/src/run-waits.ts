/**
 * How long a run waits for each thing, and how often it looks meanwhile. Outer waits are made from what they hold, so
 * no setting can put one inside another; looks are counted, since a workflow may take a bounded number of steps. Keeps T1.
 */
import type { Millis } from "@samovar/base";
import { aroundMs } from "@samovar/contracts";
import type { TimeLimits } from "@samovar/contracts";
import type { RunWait } from "./task-run.ts";

/** A node that does not confirm a removal soon has the command all the same; the sweep sees to the rest. */
const REMOVAL_MS = 15_000;

/** Milliseconds. A setting that is too small for what it holds is raised. */
export function runWaits(limits: TimeLimits): Readonly<Record<RunWait, number>> {
  const untilReady = [
    limits.AGENT_INSTALL_TIMEOUT_MS,
    limits.AGENT_CREDENTIAL_MS,
    limits.AGENT_READY_MS,
    limits.AGENT_RESTART_MS,
    // Of the session host, the agent, and the agent that is started once more.
    3 * limits.START_WAIT_MS,
  ];
  const { SESSION_STOP_TIMEOUT_MS: stop, FINISH_TIMEOUT_MS: finish, DRAIN_TIMEOUT_MS: drain } = limits;
  return {
    node: aroundMs(limits.NODE_BOOT_TIMEOUT_MS),
    workspace: Math.max(limits.WORKSPACE_READY_TIMEOUT_MS, aroundMs(limits.CLONE_TIMEOUT_MS)),
    start: Math.max(limits.SESSION_START_TIMEOUT_MS, aroundMs(...untilReady)) + limits.SETUP_TIMEOUT_MS,
    work: aroundMs(limits.TASK_MAX_DURATION_MS, stop, finish, drain),
    drain: aroundMs(stop, drain),
    removal: REMOVAL_MS,
  };
}

/** A workflow of the cloud's smallest plan may take so many steps; its sleeps are not counted. */
export const MAX_STEPS = 1024;

/** Looks in one wait. Together with every step that is taken once they stay below {@link MAX_STEPS}, see the test. */
export const MAX_LOOKS: Readonly<Record<RunWait, number>> = {
  node: 40,
  workspace: 40,
  start: 70,
  work: 400,
  drain: 30,
  removal: 20,
};

/** Looks of one stay in line for room, or for other tasks. */
export const MAX_LOOKS_IN_LINE = 150;

/** The first wait for a nudge. Nudges are stored and sent until they arrive, so a look before one comes only makes up for a lost one. */
const FIRST_LOOK_MS = 15_000;
/** After a look that the node's object did not answer: no nudge says when it answers again. */
const SOON_MS = 1000;
/** The least that the slowest looks are apart: where looks are enough, a lost nudge costs no more than this. */
const SLOWEST_LOOK_MS = 30_000;
/** The looks that time alone may use up; the rest are for nudges. */
const FOR_TIME = 0.75;

/** A look that comes this much later than planned was late itself: nothing is held against what it waits for. */
const LATE_LOOK_MS = 5_000;

/** What a wait has taken up to a look. */
export interface Waited {
  readonly now: Millis;
  /** The time that counts. */
  readonly waitedMs: number;
}

export interface EarlierLook extends Waited {
  /** The pause that was planned after it. */
  readonly plannedMs: number;
}

/**
 * The time that a wait has taken at `now`, given the look before. A control plane
 * that was stopped or starved meanwhile does not count its own absence.
 */
export function waitedAt(before: EarlierLook | null, now: Millis): Waited {
  if (before === null) return { now, waitedMs: 0 };
  const passedMs = Math.min(Math.max(0, now - before.now), before.plannedMs + LATE_LOOK_MS);
  return { now, waitedMs: before.waitedMs + passedMs };
}

/** Comparisons of a transcript that the node still delivers: so many at most. */
export const MAX_VERIFICATIONS = 40;
const VERIFICATION_PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000] as const;

/** The pause before the next comparison, after `quiet` ones in a row that found nothing new; null: no more will come. */
export const verificationPauseMs = (quiet: number): number | null => VERIFICATION_PAUSES_MS[quiet] ?? null;

export interface LookPace {
  /** Sleep so long, whatever comes. */
  readonly sleepMs: number;
  /** Then wait so long for a nudge; 0: do not. */
  readonly waitMs: number;
}

export interface LooksTaken {
  readonly looks: number;
  /** How many in a row saw nothing new; counted anew when the node's object falls silent. */
  readonly quiet: number;
  readonly maxLooks: number;
  /** The node's object did not answer the last one. */
  readonly isSilent: boolean;
}

/**
 * When to look again in a wait of `limitMs`. Nudges may use a quarter of the looks; where they have used more, the
 * rest are spread over the time that is left, and a nudge waits for its turn.
 */
export function lookPace(
  { looks, quiet, maxLooks, isSilent }: LooksTaken,
  limitMs: number,
  deadline: Millis,
  now: Millis,
): LookPace {
  const remaining = Math.max(1000, deadline - now);
  const left = Math.max(1, maxLooks - looks);
  const slowest = Math.max(SLOWEST_LOOK_MS, limitMs / (maxLooks * FOR_TIME));
  if (left === 1 || remaining / left > slowest) return { sleepMs: Math.ceil(remaining / left), waitMs: 0 };
  const growing = (isSilent ? SOON_MS : FIRST_LOOK_MS) * 2 ** Math.min(quiet, 20);
  return { sleepMs: 0, waitMs: Math.ceil(Math.max(1000, Math.min(slowest, growing, remaining))) };
}
