/** Makes text of agents, repositories and other people safe for a terminal: control sequences are removed, hidden characters are shown. */
import { stripTerminalSequences, visibleText } from "@samovar/base";

/** Control characters except tab and line feed. */
// oxlint-disable-next-line no-control-regex -- control characters are what this file removes
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** A right-to-left override becomes `⟨U+202E⟩`, as in the page. */
export function toSafeText(text: string): string {
  return visibleText(stripTerminalSequences(text.replaceAll("\r\n", "\n")).replace(CONTROLS, ""));
}

/** The text as one line of at most `width` characters. */
export function toSafeLine(text: string, width: number): string {
  const line = toSafeText(text).replace(/\s+/g, " ").trim();
  return line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}
