/** Finds the fenced blocks of a Markdown text. A longer fence may hold shorter ones. */

export interface FencedBlock {
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** The text after the opening fence, trimmed. */
  readonly info: string;
  readonly body: readonly string[];
  readonly closed: boolean;
}

const OPENING = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** "```wait 500ms```": opened and closed on one line. */
const ONE_LINE = /^ {0,3}`{3}([^`]+)`{3}\s*$/;

export function fencedBlocks(text: string): FencedBlock[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const blocks: FencedBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const block = blockAt(lines, at);
    if (block === null) continue;
    blocks.push(block.found);
    at = block.lastLine;
  }
  return blocks;
}

function blockAt(lines: readonly string[], at: number): { found: FencedBlock; lastLine: number } | null {
  const opening = lines[at] ?? "";
  const alone = ONE_LINE.exec(opening);
  if (alone !== null) {
    return { found: { line: at + 1, info: (alone[1] ?? "").trim(), body: [], closed: true }, lastLine: at };
  }
  const match = OPENING.exec(opening);
  const fence = match?.[1] ?? "";
  const info = (match?.[2] ?? "").trim();
  if (fence === "" || (fence.startsWith("`") && info.includes("`"))) return null;
  let end = at + 1;
  while (end < lines.length && !closes(lines[end] ?? "", fence)) end++;
  const closed = end < lines.length;
  return { found: { line: at + 1, info, body: lines.slice(at + 1, end), closed }, lastLine: end };
}

function closes(line: string, fence: string): boolean {
  const match = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line);
  const closing = match?.[1] ?? "";
  return closing.length >= fence.length && closing[0] === fence[0];
}
