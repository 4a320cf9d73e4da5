/** A session's topic: the first line of its first user message, cut at a word. */

const MAX_CHARS = 80;

/** Null for a text without visible characters. */
export function deriveTopic(text: string): string | null {
  const line = text.trim().split(/\r?\n/, 1)[0]?.replaceAll(/\s+/g, " ").trim() ?? "";
  if (line === "") return null;
  if (line.length <= MAX_CHARS) return line;
  const head = line.slice(0, MAX_CHARS - 1);
  const lastSpace = head.lastIndexOf(" ");
  const cut = lastSpace > MAX_CHARS / 2 ? head.slice(0, lastSpace) : wholeCodePoints(head);
  return `${cut}…`;
}

function wholeCodePoints(text: string): string {
  return text.isWellFormed() ? text : text.slice(0, -1);
}
