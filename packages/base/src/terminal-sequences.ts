/** Sequences that control a terminal: colours, titles, movements of the cursor. */

const SEQUENCES =
  // oxlint-disable-next-line no-control-regex -- control sequences are what is removed
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[PX^_][^\u001b]*\u001b\\|[@-Z\\-_])/g;

export const stripTerminalSequences = (text: string): string => text.replace(SEQUENCES, "");
