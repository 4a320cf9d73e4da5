/** A message's id made from what it is about (RFC 9562 version 8): told again, it is the same message. */
import type { MessageId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { messageId } from "@samovar/contracts";

export function derivedMessageId(about: string): MessageId {
  const hex = sha256(about);
  return messageId.parse(
    [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-"),
  );
}
