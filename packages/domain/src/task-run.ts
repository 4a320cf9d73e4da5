/**
 * What a run does next, decided from the facts that it has just read. A signal only says "poll again".
 * Every wait has a deadline, so a run always ends. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { Failure, NodeStateName, SessionEnd, TaskOutput, TranscriptVerification } from "@samovar/contracts";
import { toBudgetFailure } from "./budget.ts";
import type { ReachedLimit } from "./budget.ts";
import { RECONNECT_GRACE_MS } from "./node-lifecycle.ts";
import type { RunObservation } from "./run-observation.ts";

/** What a run waits for: the node's first connection, the workspace, the agent's first update, the session's end, the end after a cancel, the workspace's removal. */
export type RunWait = "node" | "workspace" | "start" | "work" | "drain" | "removal";

export interface RunPoll {
  /** Null: the node no longer knows this workspace, or its object does not answer. */
  readonly observation: RunObservation | null;
  /** Since when the node's object has not answered; null when it does. */
  readonly silentSince: Millis | null;
  readonly cancelRequested: boolean;
  /** The limit on spending that several sessions have reached together; null when none is. */
  readonly overBudget: ReachedLimit | null;
  readonly deadline: Millis;
  readonly now: Millis;
}

export type RunDecision =
  /** `pollBy`: when the node's silence will have lasted too long; null when it is not silent. */
  | { readonly kind: "wait"; readonly pollBy: Millis | null }
  /** What the run waited for has happened. */
  | { readonly kind: "reached" }
  /** The node is lost before any work was done on it: the run may try another. */
  | { readonly kind: "node_lost"; readonly failure: Failure }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "cancelled" }
  | { readonly kind: "over_budget"; readonly failure: Failure }
  | { readonly kind: "overdue"; readonly failure: Failure };

const REACHED: RunDecision = { kind: "reached" };

export function decideRun(wait: RunWait, poll: RunPoll): RunDecision {
  const { observation } = poll;
  // An end that was reported counts, even if the node was lost or a cancel came afterwards.
  if (observation !== null && isReached(wait, observation)) return REACHED;
  if (poll.cancelRequested && wait !== "drain" && wait !== "removal") return { kind: "cancelled" };
  if (poll.overBudget !== null && (wait === "start" || wait === "work"))
    return { kind: "over_budget", failure: toBudgetFailure(poll.overBudget) };
  const lost = poll.silentSince === null ? findLoss(wait, observation) : null;
  if (lost !== null) return lost;
  // Before the agent has the prompt, another node can repeat everything, so the run does not wait out a silence.
  const downSince = poll.silentSince ?? observation?.node.downSince ?? null;
  const pollBy = isBeforePrompt(wait) && downSince !== null ? downSince + RECONNECT_GRACE_MS : null;
  if (pollBy !== null && poll.now >= pollBy) return { kind: "node_lost", failure: SILENT };
  if (poll.now >= poll.deadline) return { kind: "overdue", failure: OVERDUE[wait] };
  return { kind: "wait", pollBy };
}

/** The decision when the node or the workspace is lost; null when neither is. After its creation, a workspace fails when its node has been silent for too long. */
function findLoss(wait: RunWait, observation: RunObservation | null): RunDecision | null {
  const lost = findNodeLoss(wait, observation);
  if (lost !== null || wait === "removal" || observation?.workspace.state !== "failed") return lost;
  return toLossDecision(wait, observation.workspace.failure ?? WORKSPACE_FAILED);
}

const isBeforePrompt = (wait: RunWait): boolean => wait === "node" || wait === "workspace";

function isReached(wait: RunWait, observation: RunObservation): boolean {
  switch (wait) {
    case "node":
      return observation.node.connected && canWork(observation.node.state);
    case "workspace":
      return observation.workspace.state === "ready" && canWork(observation.node.state);
    case "start":
      return observation.session.startedAt !== null || observation.session.end !== null;
    case "work":
    case "drain":
      return observation.session.end !== null;
    case "removal":
      return observation.workspace.state === "destroyed" || observation.workspace.state === "failed";
    default:
      return assertNever(wait, "wait");
  }
}

/** A draining node finishes the work that it has. */
const canWork = (state: NodeStateName) => state === "active" || state === "warm" || state === "draining";

function findNodeLoss(wait: RunWait, observation: RunObservation | null): RunDecision | null {
  if (observation !== null && observation.node.state !== "destroying" && observation.node.state !== "destroyed")
    return null;
  const failure = observation?.node.failure ?? NODE_LOST;
  if (wait === "removal") return REACHED;
  return toLossDecision(wait, failure);
}

const toLossDecision = (wait: RunWait, failure: Failure): RunDecision => ({
  kind: isBeforePrompt(wait) && isReplaceable(failure) ? "node_lost" : "failed",
  failure,
});

const SILENT: Failure = {
  code: "node_unreachable",
  message: "The node stopped responding before the agent could start. Try the task again; it will get another node.",
};

const NODE_LOST: Failure = {
  code: "node_lost",
  message: "The node that ran this task is gone. Try the task again; it will get another node.",
};
const WORKSPACE_FAILED: Failure = { code: "workspace_failed", message: "The workspace could not be prepared." };

const OVERDUE: Record<RunWait, Failure> = {
  node: { code: "node_timeout", message: "No node came up in time. See the nodes page for the provider's answer." },
  workspace: {
    code: "workspace_timeout",
    message:
      "The workspace was not ready in time. Check that the repository can be cloned from the node, then try again.",
  },
  start: {
    code: "session_start_timeout",
    message: "The agent sent nothing in time. Check that it is installed and has its credential, then try again.",
  },
  work: { code: "task_timeout", message: "The agent worked longer than the task's time limit and was stopped." },
  drain: { code: "drain_timeout", message: "The node did not report the end of the session in time." },
  removal: { code: "removal_timeout", message: "The node did not confirm that the workspace is gone." },
};

/** How many times a node that was lost before the agent had the prompt is replaced. */
export const MAX_REPLACEMENTS = 2;

/** Whether another node may succeed: not when the provider has refused to create one. */
export function isReplaceable(failure: Failure): boolean {
  return failure.code.startsWith("node_");
}

/** How an attempt ends and what happens to its workspace. */
export interface RunConclusion {
  readonly status: "completed" | "failed" | "cancelled";
  readonly failure: Failure | null;
  readonly output: TaskOutput | null;
  /** `keep`: retained for inspection; `remove`: everything of value was delivered. */
  readonly workspace: "keep" | "remove";
}

/** `transcript`: the last comparison; null when the transcript was never closed. `stoppedFor`: why the run stopped the session; null when it did not. */
export function concludeRun(
  end: SessionEnd,
  transcript: TranscriptVerification | null,
  stoppedFor: Failure | null,
): RunConclusion {
  const output = toOutput(end, transcript);
  if (end.outcome === "clean") {
    const whole = transcript?.agreed === true && hasPushedAll(end) && end.warning === null;
    return { status: "completed", failure: null, output, workspace: whole ? "remove" : "keep" };
  }
  const failure = stoppedFor ?? end.failure ?? ENDINGS[end.outcome];
  const wasCancelled = stoppedFor === null ? end.outcome === "cancelled" : stoppedFor.code === CANCELLED.code;
  return { status: wasCancelled ? "cancelled" : "failed", failure, output, workspace: "keep" };
}

/** A requested cancel takes precedence over a failure that came at the same moment. Null: the session's own end decides. */
export function getCancelFailure({ outcome }: SessionEnd, cancelRequested: boolean): Failure | null {
  return cancelRequested && outcome !== "clean" ? CANCELLED : null;
}

export const CANCELLED: Failure = { code: "cancelled", message: "Cancelled on request." };

const ENDINGS: Record<Exclude<SessionEnd["outcome"], "clean">, Failure> = {
  error: { code: "agent_error", message: "The agent ended with an error. See the end of the transcript." },
  crashed: { code: "agent_crashed", message: "The agent's process crashed. See the end of the transcript." },
  cancelled: CANCELLED,
  timeout: { code: "agent_timeout", message: "The agent was inactive or worked for too long and was stopped." },
};

function toOutput(end: SessionEnd, transcript: TranscriptVerification | null): TaskOutput {
  const { branch, commits, diffStat, summary, usage, stopReason, restarts, redactions, bundle } = end;
  return {
    branch,
    commits,
    diffStat,
    summary,
    pullRequestUrl: null,
    warning: formatWarning(end, transcript),
    usage,
    stopReason,
    restarts,
    ...(redactions === undefined ? {} : { redactions }),
    bundle,
    durations: {},
    transcript,
  };
}

/** What the last comparison found; earlier ones do not count. */
function formatTranscriptWarning(transcript: TranscriptVerification | null): string | null {
  if (transcript === null) return "The transcript could not be verified: its session host was lost before closing it.";
  if (transcript.agreed) return null;
  const { stored, claimed } = transcript;
  return stored.count === claimed.count
    ? `The stored transcript has all ${claimed.count} messages, but some differ from what the agent sent.`
    : `The stored transcript has ${stored.count} of ${claimed.count} messages.`;
}

/** Without a commit there is nothing to push, unless committing itself failed. */
const hasPushedAll = (end: SessionEnd) => end.pushed || (end.commits.length === 0 && end.pushError === null);

function formatWarning(end: SessionEnd, transcript: TranscriptVerification | null): string | null {
  const warnings = [
    end.outcome === "clean" && !hasPushedAll(end)
      ? `The branch was not pushed: ${end.pushError ?? "no reason was given"}. The workspace is retained.`
      : null,
    end.outcome === "clean" ? end.warning : null,
    formatTranscriptWarning(transcript),
  ].filter((warning) => warning !== null);
  return warnings.length === 0 ? null : warnings.join(" ");
}
