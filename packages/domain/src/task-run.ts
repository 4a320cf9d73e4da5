/**
 * What a run does next, from the facts that it has just read. A nudge only says "look again"; the facts decide.
 * Every wait has a deadline, so a run ends whatever happens. Keeps T1.
 */
import { assertNever } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { Failure, NodeStateName, SessionEnd, TaskOutput, TranscriptVerification } from "@samovar/contracts";
import { RECONNECT_GRACE_MS } from "./node-lifecycle.ts";
import type { RunObservation } from "./run-observation.ts";

/** What a run waits for: its node's first connection, its workspace, the agent's first sign, the session's end, the end after a cancel, the workspace's removal. */
export type RunWait = "node" | "workspace" | "start" | "work" | "drain" | "removal";

export interface RunLook {
  /** Null: the node does not know this workspace any more, or its object does not answer. */
  readonly sight: RunObservation | null;
  /** Since when the node's object does not answer; null when it does. */
  readonly silentSince: Millis | null;
  readonly cancelRequested: boolean;
  readonly deadline: Millis;
  readonly now: Millis;
}

export type RunDecision =
  /** `lookBy`: when a silence will have been too long. */
  | { readonly kind: "wait"; readonly lookBy: Millis | null }
  /** What was waited for is there. */
  | { readonly kind: "reached" }
  /** The node is of no use, and nothing was done on it: another may be tried. */
  | { readonly kind: "node_lost"; readonly failure: Failure }
  | { readonly kind: "failed"; readonly failure: Failure }
  | { readonly kind: "cancelled" }
  | { readonly kind: "overdue"; readonly failure: Failure };

const REACHED: RunDecision = { kind: "reached" };

export function decideRun(wait: RunWait, look: RunLook): RunDecision {
  const { sight } = look;
  // What has ended counts, even when the node is lost or a cancel came since.
  if (sight !== null && isReached(wait, sight)) return REACHED;
  if (look.cancelRequested && wait !== "drain" && wait !== "removal") return { kind: "cancelled" };
  const over = look.silentSince === null ? overBy(wait, sight) : null;
  if (over !== null) return over;
  // Until the agent has the prompt nothing was done that another machine could not do again, so no silence is waited out.
  const downSince = look.silentSince ?? sight?.node.downSince ?? null;
  const lookBy = isBeforePrompt(wait) && downSince !== null ? downSince + RECONNECT_GRACE_MS : null;
  if (lookBy !== null && look.now >= lookBy) return { kind: "node_lost", failure: SILENT };
  if (look.now >= look.deadline) return { kind: "overdue", failure: OVERDUE[wait] };
  return { kind: "wait", lookBy };
}

/** Whether node or workspace are lost. Later than in its making, a workspace fails when its node has been silent for too long. */
function overBy(wait: RunWait, sight: RunObservation | null): RunDecision | null {
  const lost = nodeLost(wait, sight);
  if (lost !== null || wait === "removal" || sight?.workspace.state !== "failed") return lost;
  return lostBy(wait, sight.workspace.failure ?? WORKSPACE_FAILED);
}

const isBeforePrompt = (wait: RunWait): boolean => wait === "node" || wait === "workspace";

function isReached(wait: RunWait, sight: RunObservation): boolean {
  switch (wait) {
    case "node":
      return sight.node.connected && canWork(sight.node.state);
    case "workspace":
      return sight.workspace.state === "ready" && canWork(sight.node.state);
    case "start":
      return sight.session.startedAt !== null || sight.session.end !== null;
    case "work":
    case "drain":
      return sight.session.end !== null;
    case "removal":
      return sight.workspace.state === "destroyed" || sight.workspace.state === "failed";
    default:
      return assertNever(wait, "wait");
  }
}

/** A node that drains finishes what it has. */
const canWork = (state: NodeStateName) => state === "active" || state === "warm" || state === "draining";

function nodeLost(wait: RunWait, sight: RunObservation | null): RunDecision | null {
  if (sight !== null && sight.node.state !== "destroying" && sight.node.state !== "destroyed") return null;
  const failure = sight?.node.failure ?? NODE_LOST;
  if (wait === "removal") return REACHED;
  return lostBy(wait, failure);
}

const lostBy = (wait: RunWait, failure: Failure): RunDecision => ({
  kind: isBeforePrompt(wait) && isReplaceable(failure) ? "node_lost" : "failed",
  failure,
});

const SILENT: Failure = {
  code: "node_unreachable",
  message: "The machine fell silent before the agent could start. Try the task again; it will get another machine.",
};

const NODE_LOST: Failure = {
  code: "node_lost",
  message: "The node that ran this task is gone. Try the task again; it will get another node.",
};
const WORKSPACE_FAILED: Failure = { code: "workspace_failed", message: "The workspace could not be prepared." };

const OVERDUE: Record<RunWait, Failure> = {
  node: { code: "node_timeout", message: "No node came up in time. See the nodes page for what the provider said." },
  workspace: {
    code: "workspace_timeout",
    message:
      "The workspace was not ready in time. Check that the repository can be cloned from the node, then try again.",
  },
  start: {
    code: "session_start_timeout",
    message:
      "The agent gave no sign of life in time. Check that it is installed and has its credential, then try again.",
  },
  work: { code: "task_timeout", message: "The agent worked longer than a task may take and was stopped." },
  drain: { code: "drain_timeout", message: "The node did not hand over the end of the session in time." },
  removal: { code: "removal_timeout", message: "The node did not confirm that the workspace is gone." },
};

/** A machine that went away before the agent had the prompt is replaced so many times. */
export const MAX_REPLACEMENTS = 2;

/** Whether another machine may fare better: not when the provider has refused to make one. */
export function isReplaceable(failure: Failure): boolean {
  return failure.code.startsWith("node_");
}

/** How an attempt ends, and what becomes of its workspace. */
export interface RunConclusion {
  readonly status: "completed" | "failed" | "cancelled";
  readonly failure: Failure | null;
  readonly output: TaskOutput | null;
  /** `keep`: somebody may want to look inside; `remove`: nothing of worth is left there. */
  readonly workspace: "keep" | "remove";
}

/** `transcript`: the last comparison, null when the transcript was never closed. `stoppedFor`: why the run itself stopped the session, if it did. */
export function concludeRun(
  end: SessionEnd,
  transcript: TranscriptVerification | null,
  stoppedFor: Failure | null,
): RunConclusion {
  const output = outputOf(end, transcript);
  if (end.outcome === "clean") {
    const whole = transcript?.agreed === true && pushedWhatItMade(end) && end.warning === null;
    return { status: "completed", failure: null, output, workspace: whole ? "remove" : "keep" };
  }
  const failure = stoppedFor ?? end.failure ?? ENDINGS[end.outcome];
  const wasCancelled = stoppedFor === null ? end.outcome === "cancelled" : stoppedFor.code === CANCELLED.code;
  return { status: wasCancelled ? "cancelled" : "failed", failure, output, workspace: "keep" };
}

/** Who asked for the end is not told of a failure that came in the same moment. Null: the end speaks for itself. */
export function stoppedByPerson({ outcome }: SessionEnd, cancelRequested: boolean): Failure | null {
  return cancelRequested && outcome !== "clean" ? CANCELLED : null;
}

export const CANCELLED: Failure = { code: "cancelled", message: "Cancelled on request." };

const ENDINGS: Record<Exclude<SessionEnd["outcome"], "clean">, Failure> = {
  error: { code: "agent_error", message: "The agent ended with an error. The transcript has its last words." },
  crashed: { code: "agent_crashed", message: "The agent's process died. The transcript has its last words." },
  cancelled: CANCELLED,
  timeout: { code: "agent_timeout", message: "The agent was silent or worked for too long and was stopped." },
};

function outputOf(end: SessionEnd, transcript: TranscriptVerification | null): TaskOutput {
  const { branch, commits, diffStat, summary, usage, stopReason, restarts, bundle } = end;
  return {
    branch,
    commits,
    diffStat,
    summary,
    pullRequestUrl: null,
    warning: warningOf(end, transcript),
    usage,
    stopReason,
    restarts,
    bundle,
    durations: {},
    transcript,
  };
}

/** What the last comparison found, and nothing that came before it. */
function transcriptWarning(transcript: TranscriptVerification | null): string | null {
  if (transcript === null) return "The transcript could not be verified: its session host was lost before closing it.";
  if (transcript.agreed) return null;
  const { stored, claimed } = transcript;
  return stored.count === claimed.count
    ? `The stored transcript has all ${claimed.count} messages, but some differ from what the agent sent.`
    : `The stored transcript has ${stored.count} of ${claimed.count} messages.`;
}

/** Without a commit there is nothing to push, unless there was a reason why none could be made. */
const pushedWhatItMade = (end: SessionEnd) => end.pushed || (end.commits.length === 0 && end.pushError === null);

function warningOf(end: SessionEnd, transcript: TranscriptVerification | null): string | null {
  const warnings = [
    end.outcome === "clean" && !pushedWhatItMade(end)
      ? `The branch was not pushed: ${end.pushError ?? "no reason was given"}. The workspace is kept.`
      : null,
    end.outcome === "clean" ? end.warning : null,
    transcriptWarning(transcript),
  ].filter((warning) => warning !== null);
  return warnings.length === 0 ? null : warnings.join(" ");
}
