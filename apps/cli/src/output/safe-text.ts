/** Makes text of agents, repositories and other people safe for a terminal: control sequences are removed, hidden characters are shown. */
import { visibleText } from "@samovar/base";

/* oxlint-disable no-control-regex -- control sequences are what this file removes */
const SEQUENCES =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[PX^_][^\u001b]*\u001b\\|[@-Z\\-_])/g;
/** Control characters except tab and line feed. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/* oxlint-enable no-control-regex */

/** A right-to-left override becomes `⟨U+202E⟩`, as in the page. */
export function toSafeText(text: string): string {
  return visibleText(text.replaceAll("\r\n", "\n").replace(SEQUENCES, "").replace(CONTROLS, ""));
}

/** The text as one line of at most `width` characters. */
export function toSafeLine(text: string, width: number): string {
  const line = toSafeText(text).replace(/\s+/g, " ").trim();
  return line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}
