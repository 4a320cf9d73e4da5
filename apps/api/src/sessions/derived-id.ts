/** A message id derived from its subject (RFC 9562 version 8), so that a repeated notice is the same message. */
import type { MessageId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { messageId } from "@samovar/contracts";

export function deriveMessageId(subject: string): MessageId {
  const hex = sha256(subject);
  return messageId.parse(
    [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-"),
  );
}
