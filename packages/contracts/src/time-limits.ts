/**
 * Every limit of time of a task's way, in one place: its default, whose setting it is, and which limits it holds.
 * A limit that holds others is longer than their sum, so that the inner one, which knows more, speaks first.
 */

/**
 * What a limit watches. `step`: how long one thing may take. `liveness`: whether a machine still answers.
 * `progress`: whether an agent says anything. `turn`: how long it may work in all. A beat of one clock is never one of another.
 */
export type TimeClock = "step" | "liveness" | "progress" | "turn";

export interface TimeLimit {
  /** Milliseconds. */
  readonly ms: number;
  readonly clock: TimeClock;
  /** `control_plane`, `node`: a setting there, of this name. `both`: the same setting on both sides. `fixed`: none. */
  readonly side: "control_plane" | "node" | "both" | "fixed";
  /** The limits that lie inside this one, one after the other. */
  readonly holds: readonly string[];
  readonly about: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const limit = (
  ms: number,
  clock: TimeClock,
  side: TimeLimit["side"],
  about: string,
  holds: readonly string[] = [],
): TimeLimit => ({ ms, clock, side, holds, about });

export const TIME_LIMITS = {
  AGENT_DOWNLOAD_MS: limit(5 * MINUTE, "step", "fixed", "A new machine's download of the vm-agent"),
  START_WAIT_MS: limit(
    1.5 * MINUTE,
    "step",
    "fixed",
    "On one machine: a process's wait for its turn to start; then it starts anyway",
  ),
  NODE_BOOT_TIMEOUT_MS: limit(
    10 * MINUTE,
    "step",
    "control_plane",
    "Longest time from asking for a server to its vm-agent's first connection",
    ["START_WAIT_MS", "AGENT_DOWNLOAD_MS"],
  ),
  CLONE_TIMEOUT_MS: limit(8 * MINUTE, "step", "both", "Longest time that a workspace's checkout may take on its node"),
  WORKSPACE_READY_TIMEOUT_MS: limit(
    10 * MINUTE,
    "step",
    "control_plane",
    "Longest wait for a workspace; raised when it would not hold CLONE_TIMEOUT_MS",
    ["CLONE_TIMEOUT_MS"],
  ),
  AGENT_INSTALL_TIMEOUT_MS: limit(6 * MINUTE, "step", "both", "Longest time that an agent's installation may take", [
    "START_WAIT_MS",
  ]),
  AGENT_CREDENTIAL_MS: limit(3 * MINUTE, "step", "fixed", "Asking for the agent's credential until it is there"),
  AGENT_READY_MS: limit(2 * MINUTE, "step", "fixed", "From an agent's process to its open ACP session"),
  AGENT_RESTART_MS: limit(2 * MINUTE, "step", "fixed", "The same again, when the agent died and was started once more"),
  SETUP_TIMEOUT_MS: limit(
    15 * MINUTE,
    "step",
    "control_plane",
    "Longest time that a repository's `samovar.setup` may take",
  ),
  SESSION_START_TIMEOUT_MS: limit(
    18.5 * MINUTE,
    "step",
    "control_plane",
    "Longest wait for an agent's first sign, `samovar.setup` not counted; raised when it would not hold the agent's installation, credential and start",
    // A wait before the session host, before the agent, and before the agent that is started once more.
    [
      "AGENT_INSTALL_TIMEOUT_MS",
      "START_WAIT_MS",
      "AGENT_CREDENTIAL_MS",
      "START_WAIT_MS",
      "AGENT_READY_MS",
      "START_WAIT_MS",
      "AGENT_RESTART_MS",
    ],
  ),
  AGENT_IDLE_TIMEOUT_MS: limit(
    30 * MINUTE,
    "progress",
    "control_plane",
    "Longest silence of an agent while no tool runs",
  ),
  TASK_MAX_DURATION_MS: limit(4 * HOUR, "turn", "control_plane", "Longest time that an agent may work on a task", [
    "AGENT_IDLE_TIMEOUT_MS",
  ]),
  CANCEL_GRACE_MS: limit(10 * SECOND, "step", "fixed", "For an agent to end its turn by itself after ACP's cancel"),
  AGENT_EXIT_GRACE_MS: limit(
    4 * SECOND,
    "step",
    "fixed",
    "For an agent's process to leave, before its group is killed",
  ),
  HOST_STOP_MS: limit(30 * SECOND, "step", "fixed", "For a session's host to have ended its agent", [
    "CANCEL_GRACE_MS",
    "AGENT_EXIT_GRACE_MS",
  ]),
  HOST_RECOVERY_MS: limit(15 * SECOND, "step", "fixed", "For a new host to end the session of one that was killed"),
  SESSION_STOP_TIMEOUT_MS: limit(
    50 * SECOND,
    "step",
    "control_plane",
    "Longest time from the wish to stop a session to its agent's end, the killing included",
    ["HOST_STOP_MS", "HOST_RECOVERY_MS"],
  ),
  FINISH_TIMEOUT_MS: limit(5 * MINUTE, "step", "both", "Longest time for commit, push and bundle after an agent's end"),
  DRAIN_TIMEOUT_MS: limit(
    45 * SECOND,
    "step",
    "both",
    "Longest wait for a node to hand over the messages that it still holds",
  ),
  TASK_QUEUE_TIMEOUT_MS: limit(
    24 * HOUR,
    "step",
    "control_plane",
    "Longest time that a task waits in line, or for other tasks",
  ),
  HEARTBEAT_TIMEOUT_MS: limit(90 * SECOND, "liveness", "fixed", "A link that said nothing for so long counts as down"),
  NODE_UNREACHABLE_TIMEOUT_MS: limit(
    5 * MINUTE,
    "liveness",
    "control_plane",
    "How long a node may be silent before what runs on it has failed",
    ["HEARTBEAT_TIMEOUT_MS"],
  ),
  NODE_DRAIN_AFTER_MS: limit(4 * HOUR, "step", "control_plane", "Age at which a node takes no more work"),
  WORKSPACE_RETENTION_MS: limit(4 * HOUR, "step", "control_plane", "How long a workspace is kept after a failure"),
  NODE_MAX_LIFETIME_MS: limit(24 * HOUR, "step", "control_plane", "Age at which a node is destroyed whatever it does", [
    "NODE_DRAIN_AFTER_MS",
    "WORKSPACE_READY_TIMEOUT_MS",
    "SESSION_START_TIMEOUT_MS",
    "SETUP_TIMEOUT_MS",
    "TASK_MAX_DURATION_MS",
    "SESSION_STOP_TIMEOUT_MS",
    "FINISH_TIMEOUT_MS",
    "DRAIN_TIMEOUT_MS",
    "WORKSPACE_RETENTION_MS",
  ]),
  SWEEP_GRACE_MS: limit(
    45 * MINUTE,
    "step",
    "control_plane",
    "Age below which the sweep leaves an unknown server alone",
    ["NODE_BOOT_TIMEOUT_MS"],
  ),
} as const satisfies Readonly<Record<string, TimeLimit>>;

export type TimeLimitName = keyof typeof TIME_LIMITS;
/** Milliseconds of each limit, as they are set here and now. */
export type TimeLimits = Readonly<Record<TimeLimitName, number>>;

const named = Object.entries(TIME_LIMITS).map(([name, { ms }]) => [name, ms] as const);
export const DEFAULT_TIME_LIMITS = Object.fromEntries(named) as TimeLimits;

/** No limit may be longer: a timer that counts to more fires at once. */
export const LONGEST_LIMIT_MS = 7 * 24 * HOUR;

/** What an outer limit has beyond the sum of what it holds: for the ways between the machines. */
export const slackMs = (sum: number): number => Math.min(30 * SECOND, Math.max(SECOND, Math.ceil(sum / 10)));

/** The least that a limit around these may be. */
export function getEnclosingMs(...inner: readonly number[]): number {
  const sum = inner.reduce((total, ms) => total + ms, 0);
  return sum + slackMs(sum);
}
