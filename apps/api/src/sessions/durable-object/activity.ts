/** An agent's latest activity, as lists show it: it does not change with each word, so that a list stays calm. Pure. */
import type { Millis } from "@samovar/base";
import type { SessionActivity } from "@samovar/contracts";
import type { StoredMessage } from "@samovar/domain/message-store";

const MAX_CHARS = 120;
/** A shorter beginning of a growing text says too little to be shown. */
const ENOUGH_CHARS = 40;

/** The activity after this message; `before` if the message does not change it. */
export function nextActivity(
  before: SessionActivity | null,
  message: Pick<StoredMessage, "role" | "kind" | "content" | "toolMetadata" | "final">,
  at: Millis,
): SessionActivity | null {
  const text = summarize(message);
  if (text === null || (before?.kind === message.kind && before.text === text)) return before;
  return { kind: message.kind, text, at };
}

function summarize({ role, kind, content, toolMetadata, final }: Parameters<typeof nextActivity>[1]): string | null {
  if (role !== "assistant" && role !== "tool") return null;
  if (kind === "tool") return head(toolMetadata?.title ?? "");
  if (kind !== "text" || (!final && content.length < ENOUGH_CHARS)) return null;
  // Growth beyond the first line does not change the result.
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
