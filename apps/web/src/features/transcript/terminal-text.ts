/** A command's output as text: escape sequences taken out, a line that was written over shown as it ended. */
import { visibleText } from "../../lib/visible-text.ts";

// OSC, DCS and their kin up to their terminator; CSI; any other two-character escape.
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control sequences are what is taken out
  /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;

// oxlint-disable-next-line no-control-regex -- the one kind of sequence that is kept: colours
const COLOUR = /^(?:\u001b\[|\u009b)([0-9;]*)m$/;
// oxlint-disable-next-line no-control-regex -- as above
const COLOURS = /\u001b\[[0-9;]*m/g;
const RESET = "\u001b[0m";

export function toTerminalText(output: string): string {
  return visibleText(toColouredText(output).replace(COLOURS, ""));
}

/** The same with its colour sequences left in, all of the form `ESC [ … m`; hidden characters are as they were. */
export function toColouredText(output: string): string {
  const kept = output.replace(SEQUENCES, (sequence) => {
    const colour = COLOUR.exec(sequence);
    return colour === null ? "" : `\u001b[${colour[1] ?? ""}m`;
  });
  return kept.replace(/\r+\n/g, "\n").split("\n").map(lastWriting).join("\n");
}

/** `10%\r50%\r100%` is a line that says 100%. */
function lastWriting(line: string): string {
  if (!line.includes("\r")) return line;
  return line.split("\r").reduce(writeOver);
}

/** Colours that were set before stay set: a terminal that goes back to a line's start forgets none. */
function writeOver(shown: string, written: string): string {
  const { covered, rest } = cutAt(shown, written.replace(COLOURS, "").length);
  const before = listColours(covered);
  if (rest === "") return listColours(shown) + written;
  return `${before}${written}${RESET}${before}${rest}`;
}

function cutAt(line: string, width: number): { readonly covered: string; readonly rest: string } {
  let left = width;
  let at = 0;
  for (const { 0: sequence, index } of [...line.matchAll(COLOURS), { 0: "", index: line.length }]) {
    if (index - at > left) return { covered: line.slice(0, at + left), rest: line.slice(at + left) };
    left -= index - at;
    at = index + sequence.length;
  }
  return { covered: line, rest: "" };
}

/** The sequences that still count at the end. */
function listColours(line: string): string {
  const all = (line.match(COLOURS) ?? []).join("");
  return all.slice(Math.max(0, all.lastIndexOf(RESET)));
}
