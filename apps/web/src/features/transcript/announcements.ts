/** What a screen reader announces of a growing transcript: that something happened, never the text as it arrives. Pure. */
import type { MessageView } from "@samovar/contracts";

/** Only what is among the newest can have changed just now. */
const LOOKED_AT = 8;

/** Null when nothing notable happened between the two. A failure takes precedence over a reply. */
export function getAnnouncement(before: readonly MessageView[], after: readonly MessageView[]): string | null {
  const known = new Map(before.slice(-2 * LOOKED_AT).map((message) => [message.messageId, message]));
  const first = before.at(-1)?.position ?? -1;
  const changed = after.slice(-LOOKED_AT).filter((message) => {
    const was = known.get(message.messageId);
    return was === undefined ? message.position > first : was !== message;
  });
  const failed = changed.findLast((message) => failedIn(message) && !failedIn(known.get(message.messageId)));
  if (failed !== undefined) return `A step failed: ${(failed.toolMetadata?.title ?? "a call").slice(0, 80)}`;
  const replied = changed.some((message) => repliedIn(message) && !repliedIn(known.get(message.messageId)));
  return replied ? "Agent replied" : null;
}

const failedIn = (message: MessageView | undefined): boolean => message?.toolMetadata?.status === "error";

const repliedIn = (message: MessageView | undefined): boolean =>
  message?.kind === "text" && message.role === "assistant" && message.final;
