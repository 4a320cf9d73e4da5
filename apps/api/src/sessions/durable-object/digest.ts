/** The digest of the stored transcript, recomputed from the rows each time. */
import { sha256 } from "@samovar/base/sha256";
import type { SessionView, TranscriptDigest } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import type { ProjectStorage } from "./storage.ts";

/** Covers the finished messages that the session's workspace delivered; while none is linked, those of every node. */
export function computeDigest(storage: ProjectStorage, session: SessionView): TranscriptDigest {
  const leaves: string[] = [];
  for (const message of storage.delivered(session.id, session.workspaceId)) leaves.push(hashMessage(message, sha256));
  return digestTranscript(leaves, sha256);
}
