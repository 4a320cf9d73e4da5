/**
 * The digest that verifies a finished transcript. The session host computes it over what it emitted, ProjectData
 * over what it stored; a clean end needs both to agree. Independent of retries, batching and revisions:
 * only the final text of each message and the order of messages count.
 */
import type { MessageId } from "@samovar/base";
import type { MessageKind, MessageRole, ToolMetadata, TranscriptDigest, Truncation } from "@samovar/contracts";

/** SHA-256 of the UTF-8 of `text`, in hex. */
export type Sha256 = (text: string) => string;

export interface FinishedMessage {
  readonly messageId: MessageId;
  readonly role: MessageRole;
  readonly kind: MessageKind;
  readonly content: string;
  readonly toolMetadata: ToolMetadata | null;
  readonly interrupted: boolean;
  readonly truncated: Truncation | null;
}

/** One message's part of the digest; kept by the host when the row itself has been delivered and deleted. */
export function hashMessage(message: FinishedMessage, sha256: Sha256): string {
  return sha256(
    canonicalJson([
      message.messageId,
      message.role,
      message.kind,
      message.content,
      message.toolMetadata,
      message.interrupted,
      message.truncated,
    ]),
  );
}

/** `leaves` in the order of the transcript. */
export function digestTranscript(leaves: readonly string[], sha256: Sha256): TranscriptDigest {
  return { count: leaves.length, digest: sha256(leaves.join("\n")) };
}

/** JSON with object keys in code-point order and absent fields left out, so that both sides agree byte for byte. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field !== "object" || field === null || Array.isArray(field)) return field;
    return Object.fromEntries(Object.entries(field).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
