/** A session's end as it is reported: the host's part, the finish's part, and the digest of the closed transcript. */
import { sha256 } from "@samovar/base/sha256";
import type { Failure, HostEnd, SessionEnd } from "@samovar/contracts";
import { digestTranscript } from "@samovar/domain/transcript-digest";
import type { FinishOutputs } from "../git/finish.ts";
import { NO_OUTPUTS } from "../git/finish.ts";
import type { SessionRow } from "../store/rows.ts";

const EMPTY_PROOF = digestTranscript([], (text) => sha256(text));

export function sessionEndOf(
  end: HostEnd,
  outputs: FinishOutputs | null,
  status: Pick<SessionEnd, "drained" | "digest">,
): SessionEnd {
  return { ...end, ...(outputs ?? NO_OUTPUTS), drained: status.drained, digest: status.digest };
}

/** The end of a session whose host was never started: its transcript is empty. */
export function neverBegunEnd(outcome: SessionEnd["outcome"], failure: Failure): SessionEnd {
  return sessionEndOf(endWith(outcome, failure), null, { drained: true, digest: EMPTY_PROOF });
}

/** The end of a session whose host is lost for good: how far its transcript went cannot be known. What it had reported counts. */
export function unprovenEnd(
  { endSeen, finish }: Pick<SessionRow, "endSeen" | "finish">,
  outcome: SessionEnd["outcome"],
  failure: Failure,
): SessionEnd {
  return sessionEndOf(endSeen?.end ?? endWith(outcome, failure), finish, { drained: false, digest: null });
}

const endWith = (outcome: SessionEnd["outcome"], failure: Failure): HostEnd => ({
  outcome,
  stopReason: null,
  failure,
  summary: null,
  usage: null,
  restarts: 0,
});

/** For the transcript: where the work is, or why it is not there. Null when nothing was to be pushed. */
export function pushNotice(outputs: FinishOutputs): string | null {
  const parts = [resultOf(outputs), outputs.pushError, outputs.warning].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join("\n\n");
}

function resultOf({ pushed, pushError, commits, branch, bundle }: FinishOutputs): string | null {
  const count = `${commits.length} ${commits.length === 1 ? "commit" : "commits"}`;
  if (pushed) return `Pushed ${count} to ${branch ?? ""}.`;
  if (pushError === null) return null;
  if (bundle === null) return "The work could not be pushed and is kept in the workspace.";
  return `The work could not be pushed and is kept in the workspace; its ${count} are kept with the task as a git bundle too.`;
}
