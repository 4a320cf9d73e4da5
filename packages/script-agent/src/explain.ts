/** What the agent says when there is nothing to run. */
import type { ScriptFault } from "./step.ts";

export const EXPLANATION =
  "I am the script agent: I have no model, so I cannot work from prose. I run the steps that you write as fenced " +
  "blocks, in order: ```sh runs the command lines below it, ```write path/to/file writes the text below it, ```say " +
  "and ```think speak, ```plan takes `- [ ] entry` lines and ticks them, ```wait 500ms waits, ```stream 200 says so " +
  "many words, ```background runs a command that the turn does not wait for, ```fail, ```crash and ```hang end " +
  "badly on purpose. End each block with a line of three backticks; " +
  "a command that fails ends the script as failed unless its block begins with ```sh continue. For work from prose, choose " +
  "an agent with a model.";

export function faultText(faults: readonly ScriptFault[]): string {
  const list = faults.map((fault) => `line ${fault.line}: ${fault.message}`).join("; ");
  return `Nothing was run, because the script is not well formed: ${list}.`;
}
