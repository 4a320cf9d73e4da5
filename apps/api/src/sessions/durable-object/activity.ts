/** The last thing that an agent did, as a list shows it: not each word, so that a list stays calm. Pure. */
import type { Millis } from "@samovar/base";
import type { SessionActivity } from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";

const MAX_CHARS = 120;
/** Fewer characters of a text that still grows say too little to be shown. */
const ENOUGH_CHARS = 40;

/** What a list may say after this message; `before` when it says nothing new. */
export function activityAfter(
  before: SessionActivity | null,
  message: Pick<StoredMessage, "role" | "kind" | "content" | "toolMetadata" | "final">,
  at: Millis,
): SessionActivity | null {
  const text = wordsOf(message);
  if (text === null || (before?.kind === message.kind && before.text === text)) return before;
  return { kind: message.kind, text, at };
}

function wordsOf({ role, kind, content, toolMetadata, final }: Parameters<typeof activityAfter>[1]): string | null {
  if (role !== "assistant" && role !== "tool") return null;
  if (kind === "tool") return head(toolMetadata?.title ?? "");
  if (kind !== "text" || (!final && content.length < ENOUGH_CHARS)) return null;
  // What grows beyond the first words changes nothing here.
  return head(content);
}

function head(text: string): string | null {
  const line =
    text
      .trimStart()
      .slice(0, 4 * MAX_CHARS)
      .split("\n", 1)[0]
      ?.trim() ?? "";
  if (line === "") return null;
  return line.length <= MAX_CHARS ? line : `${line.slice(0, MAX_CHARS - 1).toWellFormed()}…`;
}
