/** A command's output as plain text: escape sequences taken out, a line that was written over shown as it ended. */
import { visibleText } from "./visible-text.ts";

// OSC, DCS and their kin up to their terminator; CSI; any other two-character escape.
const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control sequences are what is taken out
  /\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;

export function terminalText(output: string): string {
  const plain = output.replace(SEQUENCES, "").replace(/\r+\n/g, "\n");
  return visibleText(plain.split("\n").map(lastWriting).join("\n"));
}

/** `10%\r50%\r100%` is a line that says 100%. */
function lastWriting(line: string): string {
  if (!line.includes("\r")) return line;
  return line.split("\r").reduce((shown, written) => written + shown.slice(written.length), "");
}
