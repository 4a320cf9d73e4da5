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
  if (!outputs.pushed)
    return `The work could not be pushed and is kept in the workspace.\n\n${outputs.pushError ?? ""}`.trimEnd();
  const count = outputs.commits.length;
  return `Pushed ${count} ${count === 1 ? "commit" : "commits"} to ${outputs.branch ?? ""}.`;
}
