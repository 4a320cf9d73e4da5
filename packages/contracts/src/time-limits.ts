/**
 * Every time limit of a task in one place: its default, whose setting it is, and which limits lie inside it.
 * An outer limit is longer than the sum of its inner limits, so the inner one, which gives the better reason, expires first.
 */

/**
 * What a limit watches. `step`: how long one step may take. `liveness`: whether a node still answers.
 * `progress`: whether an agent emits anything. `turn`: how long it may work in total. Activity on one clock never counts on another.
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
  AGENT_DOWNLOAD_MS: limit(5 * MINUTE, "step", "fixed", "A new node's download of the vm-agent"),
  START_WAIT_MS: limit(
    1.5 * MINUTE,
    "step",
    "fixed",
    "A process's wait for its turn to start on its node; then it starts anyway",
  ),
  NODE_TOOLS_MS: limit(
    3 * MINUTE,
    "step",
    "fixed",
    "A new node's installation of tools, after its vm-agent has connected",
  ),
  NODE_BOOT_TIMEOUT_MS: limit(
    10 * MINUTE,
    "step",
    "control_plane",
    "Longest time from requesting a server until it is ready for a task",
    ["START_WAIT_MS", "AGENT_DOWNLOAD_MS", "NODE_TOOLS_MS"],
  ),
  CLONE_TIMEOUT_MS: limit(8 * MINUTE, "step", "both", "Longest time that a workspace's checkout may take on its node"),
  WORKSPACE_READY_TIMEOUT_MS: limit(
    10 * MINUTE,
    "step",
    "control_plane",
    "Longest wait for a workspace; raised when it is not longer than CLONE_TIMEOUT_MS",
    ["CLONE_TIMEOUT_MS"],
  ),
  AGENT_INSTALL_TIMEOUT_MS: limit(6 * MINUTE, "step", "both", "Longest time that an agent's installation may take", [
    "START_WAIT_MS",
  ]),
  AGENT_CREDENTIAL_MS: limit(3 * MINUTE, "step", "fixed", "Fetching the agent's credential, with retries"),
  AGENT_READY_MS: limit(2 * MINUTE, "step", "fixed", "From starting an agent's process to its open ACP session"),
  AGENT_RESTART_MS: limit(2 * MINUTE, "step", "fixed", "The same for an agent that crashed and is restarted"),
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
    "Longest wait for an agent's first update, `samovar.setup` not counted; raised when it is not longer than the agent's installation, credential and start",
    // A wait for the session host, for the agent, and for the agent's restart.
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
  CANCEL_GRACE_MS: limit(10 * SECOND, "step", "fixed", "Grace period for an agent to end its turn after ACP's cancel"),
  AGENT_EXIT_GRACE_MS: limit(
    4 * SECOND,
    "step",
    "fixed",
    "Grace period for an agent's process to exit, before its process group is killed",
  ),
  HOST_STOP_MS: limit(30 * SECOND, "step", "fixed", "For a session host to end its agent", [
    "CANCEL_GRACE_MS",
    "AGENT_EXIT_GRACE_MS",
  ]),
  HOST_RECOVERY_MS: limit(15 * SECOND, "step", "fixed", "For a new session host to end the session of a killed one"),
  SESSION_STOP_TIMEOUT_MS: limit(
    50 * SECOND,
    "step",
    "control_plane",
    "Longest time from the request to stop a session to its agent's end, including a kill",
    ["HOST_STOP_MS", "HOST_RECOVERY_MS"],
  ),
  FINISH_TIMEOUT_MS: limit(5 * MINUTE, "step", "both", "Longest time for commit, push and bundle after an agent's end"),
  DRAIN_TIMEOUT_MS: limit(45 * SECOND, "step", "both", "Longest wait for a node to deliver its remaining messages"),
  TASK_QUEUE_TIMEOUT_MS: limit(
    24 * HOUR,
    "step",
    "control_plane",
    "Longest time that a task waits in the queue, or for other tasks",
  ),
  HEARTBEAT_TIMEOUT_MS: limit(
    90 * SECOND,
    "liveness",
    "fixed",
    "A link without any frame for this long counts as down",
  ),
  NODE_UNREACHABLE_TIMEOUT_MS: limit(
    5 * MINUTE,
    "liveness",
    "control_plane",
    "How long a node may be silent before its work counts as failed",
    ["HEARTBEAT_TIMEOUT_MS"],
  ),
  NODE_DRAIN_AFTER_MS: limit(4 * HOUR, "step", "control_plane", "Age at which a node takes no more work"),
  WORKSPACE_RETENTION_MS: limit(4 * HOUR, "step", "control_plane", "How long a workspace is retained after a failure"),
  NODE_MAX_LIFETIME_MS: limit(24 * HOUR, "step", "control_plane", "Age at which a node is destroyed, even at work", [
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
  LATE_DELIVERY_GRACE_MS: limit(
    HOUR,
    "step",
    "control_plane",
    "How long messages are still accepted from a workspace that was destroyed, or whose node was, while its transcript is incomplete",
  ),
  SWEEP_GRACE_MS: limit(
    45 * MINUTE,
    "step",
    "control_plane",
    "Age below which the sweep does not delete an unknown server",
    ["NODE_BOOT_TIMEOUT_MS"],
  ),
} as const satisfies Readonly<Record<string, TimeLimit>>;

export type TimeLimitName = keyof typeof TIME_LIMITS;
/** The configured milliseconds of each limit. */
export type TimeLimits = Readonly<Record<TimeLimitName, number>>;

const named = Object.entries(TIME_LIMITS).map(([name, { ms }]) => [name, ms] as const);
export const DEFAULT_TIME_LIMITS = Object.fromEntries(named) as TimeLimits;

/** The longest allowed limit: a longer timer would fire at once. */
export const LONGEST_LIMIT_MS = 7 * 24 * HOUR;

/** What an outer limit adds to the sum of its inner limits, for communication between processes. */
export const slackMs = (sum: number): number => Math.min(30 * SECOND, Math.max(SECOND, Math.ceil(sum / 10)));

/** The shortest limit that may enclose these. */
export function getEnclosingMs(...inner: readonly number[]): number {
  const sum = inner.reduce((total, ms) => total + ms, 0);
  return sum + slackMs(sum);
}
