/** The digest over what is stored: recomputed from the rows each time, so that it says what is there now. */
import { sha256 } from "@samovar/base/sha256";
import type { SessionView, TranscriptDigest } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import type { ProjectStorage } from "./storage.ts";

/** Over the finished messages that the session's workspace delivered; over every node's while none is linked. */
export function storedProof(storage: ProjectStorage, session: SessionView): TranscriptDigest {
  const leaves: string[] = [];
  for (const message of storage.delivered(session.id, session.workspaceId)) leaves.push(hashMessage(message, sha256));
  return digestTranscript(leaves, sha256);
}
