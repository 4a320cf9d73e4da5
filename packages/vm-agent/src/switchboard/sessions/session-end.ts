/** What is told of a session's end: the host's part, the finish's part, and the proof of the transcript. */
import type { Failure, HostEnd, HostStatus, SessionEnd } from "@samovar/contracts";
import { transcriptDigest } from "@samovar/domain/transcript-digest";
import { createHash } from "node:crypto";
import type { FinishOutputs } from "../git/finish.ts";
import { NO_OUTPUTS } from "../git/finish.ts";

const EMPTY_PROOF = transcriptDigest([], (text) => createHash("sha256").update(text).digest("hex"));

export function sessionEndOf(
  end: HostEnd,
  outputs: FinishOutputs | null,
  status: Pick<HostStatus, "drained" | "proof">,
): SessionEnd {
  return { ...end, ...(outputs ?? NO_OUTPUTS), drained: status.drained, proof: status.proof };
}

/** The end of a session whose host never spoke: nothing was said. */
export function unheardEnd(outcome: SessionEnd["outcome"], failure: Failure): SessionEnd {
  const end: HostEnd = { outcome, stopReason: null, failure, summary: null, usage: null, restarts: 0 };
  return sessionEndOf(end, null, { drained: true, proof: EMPTY_PROOF });
}

/** For the transcript: where the work is, or why it is not there. */
export function pushNotice(outputs: FinishOutputs): string {
  return [resultOf(outputs), outputs.pushError, outputs.warning].filter((part) => part !== null).join("\n\n");
}

function resultOf({ pushed, pushError, commits, branch, bundle }: FinishOutputs): string | null {
  const count = `${commits.length} ${commits.length === 1 ? "commit" : "commits"}`;
  if (pushed) return `Pushed ${count} to ${branch ?? ""}.`;
  if (pushError === null) return null;
  if (bundle === null) return "The work could not be pushed and is kept in the workspace.";
  return `The work could not be pushed and is kept in the workspace; its ${count} are kept with the task as a git bundle too.`;
}
