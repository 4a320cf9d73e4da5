/**
 * Markdown as marked's tokens. While a text grows only its last blocks are read again: a block that two others
 * follow can no longer change, save for link definitions that come later, which the final reading resolves.
 */
import { Lexer, type Token } from "marked";
import type remend from "remend";

export interface Blocks {
  readonly source: string;
  readonly tokens: readonly Token[];
}

export const noBlocks: Blocks = { source: "", tokens: [] };

/** Reads a whole text. Hostile nesting that exhausts the reader is shown as it was written. */
export function readBlocks(text: string): Blocks {
  const source = normalise(text);
  return { source, tokens: lex(source) };
}

/** Reads a text that grows; `previous` is the answer of the last call for the same text. */
export function readGrowing(text: string, previous: Blocks): Blocks {
  const source = normalise(text);
  const settled = source.startsWith(previous.source) ? settledBlocks(previous.tokens) : [];
  const offset = settled.reduce((sum, token) => sum + token.raw.length, 0);
  return { source, tokens: [...settled, ...lex(source.slice(offset))] };
}

let close: typeof remend | null = null;

/** Only texts that grow need it, so it comes with the first of them. Until then an open end is shown as it was written. */
export async function fetchCloser(): Promise<void> {
  close ??= (await import("remend")).default;
}

/** The blocks with what is open at the end closed, so that half a link or fence is never shown as its source. */
export function closeOpenEnd(blocks: Blocks): readonly Token[] {
  const last = blocks.tokens.at(-1);
  if (last === undefined || close === null) return blocks.tokens;
  const closed = close(last.raw, { linkMode: "text-only", images: false });
  return closed === last.raw ? blocks.tokens : [...blocks.tokens.slice(0, -1), ...lex(closed)];
}

/** Reads one message over its life. The same text again is not read again. */
export interface MessageReader {
  read(text: string, live: boolean): readonly Token[];
}

export function createReader(): MessageReader {
  let growing = noBlocks;
  let latest: { readonly text: string; readonly live: boolean; readonly tokens: readonly Token[] } | null = null;
  return {
    read(text, live) {
      if (latest?.text === text && latest.live === live) return latest.tokens;
      if (live) growing = readGrowing(text, growing);
      const tokens = live ? closeOpenEnd(growing) : readEnded(text, growing);
      latest = { text, live, tokens };
      return tokens;
    },
  };
}

const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;

/** A long text that grew here is not read again as a whole: only definitions could change what was read. */
function readEnded(text: string, growing: Blocks): readonly Token[] {
  const grew = growing.source !== "" && !DEFINITION.test(text);
  return (grew ? readGrowing(text, growing) : readBlocks(text)).tokens;
}

function settledBlocks(tokens: readonly Token[]): readonly Token[] {
  let open = 2;
  let end = tokens.length;
  while (end > 0 && open > 0) {
    end -= 1;
    if (tokens[end]?.type !== "space") open -= 1;
  }
  const settled = tokens.slice(0, end);
  const exact = settled.every((token) => token.raw.length > 0);
  return exact ? settled : [];
}

function normalise(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

function lex(source: string): readonly Token[] {
  try {
    return new Lexer({ gfm: true }).lex(source);
  } catch {
    return [{ type: "paragraph", raw: source, text: source, tokens: [{ type: "text", raw: source, text: source }] }];
  }
}
