/** A session's end as it is reported: the host's part, the outputs of the finish, and the digest of the closed transcript. */
import { sha256 } from "@samovar/base/sha256";
import type { Failure, HostEnd, SessionEnd } from "@samovar/contracts";
import { digestTranscript } from "@samovar/domain/transcript-digest";
import type { FinishOutputs } from "../git/finish.ts";
import { NO_OUTPUTS } from "../git/finish.ts";
import type { SessionRow } from "../store/rows.ts";

const EMPTY_DIGEST = digestTranscript([], (text) => sha256(text));

export function createSessionEnd(
  end: HostEnd,
  outputs: FinishOutputs | null,
  status: Pick<SessionEnd, "drained" | "digest">,
): SessionEnd {
  return { ...end, ...(outputs ?? NO_OUTPUTS), drained: status.drained, digest: status.digest };
}

/** The end of a session whose host was never started: its transcript is empty. */
export function createEndWithoutStart(outcome: SessionEnd["outcome"], failure: Failure): SessionEnd {
  return createSessionEnd(createHostEnd(outcome, failure), null, { drained: true, digest: EMPTY_DIGEST });
}

/** The end of a session whose host is lost for good: its transcript cannot be verified. What it had reported counts. */
export function createUnverifiedEnd(
  { reportedEnd, finish }: Pick<SessionRow, "reportedEnd" | "finish">,
  outcome: SessionEnd["outcome"],
  failure: Failure,
): SessionEnd {
  return createSessionEnd(reportedEnd?.end ?? createHostEnd(outcome, failure), finish, {
    drained: false,
    digest: null,
  });
}

const createHostEnd = (outcome: SessionEnd["outcome"], failure: Failure): HostEnd => ({
  outcome,
  stopReason: null,
  failure,
  summary: null,
  usage: null,
  restarts: 0,
});

/** For the transcript: where the work was pushed, or why it was not. Null when there was nothing to push. */
export function formatPushNotice(outputs: FinishOutputs): string | null {
  const parts = [formatPushResult(outputs), outputs.pushError, outputs.warning].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join("\n\n");
}

function formatPushResult({ pushed, pushError, commits, branch, bundle }: FinishOutputs): string | null {
  const count = `${commits.length} ${commits.length === 1 ? "commit" : "commits"}`;
  if (pushed) return `Pushed ${count} to ${branch ?? ""}.`;
  if (pushError === null) return null;
  if (bundle === null) return "The work could not be pushed. It is still in the workspace.";
  return `The work could not be pushed. It is still in the workspace, and its ${count} are also stored with the task as a git bundle.`;
}
