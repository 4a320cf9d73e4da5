/**
 * What of a message is searched, and where it has the words of a query. Words are cut and folded as SQLite's tokenizer
 * `unicode61` does it, which indexes finished messages: so a message that still grows is found by the same words. Pure.
 */
import { parseJson, stripTerminalSequences } from "@samovar/base";
import type { MessageKind, SearchSnippet, TextRange, ToolMetadata } from "@samovar/contracts";
import { planEntries, SEARCH_LIMITS } from "@samovar/contracts";

/** Words that must follow each other, as the parts of `foo_bar` do. */
interface Phrase {
  readonly tokens: readonly string[];
  /** The same tokens as they were typed, for SQLite to fold. */
  readonly source: string;
  /** Whether the last token may be the beginning of a word. */
  readonly isPrefix: boolean;
}

/** A message has each phrase. */
export type SearchTerms = readonly Phrase[];

interface Match extends TextRange {
  /** The index of its phrase. */
  readonly phrase: number;
}

/** All matches in a text, in order, and how many words the text has. */
interface TextMatches {
  readonly matches: readonly Match[];
  readonly words: number;
}

interface Token extends TextRange {
  readonly text: string;
}

const TOKEN = /[\p{L}\p{N}\p{Co}][\p{L}\p{N}\p{Co}\p{M}]*/gu;
const DIACRITICS = /[\u0300-\u036f]/g;
// oxlint-disable-next-line no-control-regex -- ASCII needs no normalization
const ASCII = /^[\u0000-\u007f]*$/;
/** Spaces and controls, each shown as one space so that positions stay. */
// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const SPACE = /[\s\u0000-\u001f\u007f-\u009f]/g;

/** Characters of a snippet, and how many of them come before the first match. */
const SNIPPET_CHARS = 200;
const SNIPPET_LEAD_CHARS = 50;
/** A snippet begins and ends between words if a space is this near. */
const EDGE_CHARS = 20;

/** The terms of a query; null if it has no word or too many. Only their letters and digits are kept, so no syntax is left. */
export function parseSearch(query: string): SearchTerms | null {
  const phrases = query
    .split(/\s+/)
    .map((word) => ({
      tokens: splitTokens(word).map(({ text }) => text),
      source: (word.match(TOKEN) ?? []).join(" "),
    }))
    .filter(({ tokens }) => tokens.length > 0);
  const count = phrases.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (count === 0 || count > SEARCH_LIMITS.queryWords) return null;
  return phrases.map((phrase, index) => ({ ...phrase, isPrefix: index === phrases.length - 1 }));
}

/** The terms as an expression of FTS5: each phrase is quoted, and consists of letters and digits. */
export function toFullTextQuery(terms: SearchTerms): string {
  return terms.map(({ source, isPrefix }) => `"${source}"${isPrefix ? " *" : ""}`).join(" AND ");
}

/** The text that a message is found by. A tool call: its title, target and output, without colours. */
export function getSearchText(message: {
  readonly kind: MessageKind;
  readonly content: string;
  readonly toolMetadata: ToolMetadata | null;
}): string {
  const { kind, content, toolMetadata: tool } = message;
  if (kind === "plan") {
    const entries = planEntries.safeParse(parseJson(content)).data;
    if (entries !== undefined) return entries.map((entry) => entry.content).join("\n");
  }
  if (tool === null) return content;
  const parts = [tool.title, tool.target ?? "", content, stripTerminalSequences(tool.output ?? "")];
  return parts.filter((part) => part !== "").join("\n");
}

/** Null unless the text has each phrase. */
export function findMatches(text: string, terms: SearchTerms): TextMatches | null {
  const tokens = splitTokens(text);
  const matches: Match[] = [];
  const found = new Set<number>();
  for (const [at, token] of tokens.entries()) {
    for (const [phrase, wanted] of terms.entries()) {
      if (!hasPhraseAt(tokens, at, wanted)) continue;
      matches.push({ start: token.start, end: tokens[at + wanted.tokens.length - 1]?.end ?? token.end, phrase });
      found.add(phrase);
    }
  }
  return found.size === terms.length ? { matches, words: tokens.length } : null;
}

/** Words of a message of middling length; a longer one needs more matches for the same score. */
const USUAL_WORDS = 100;
const SATURATION = 1.2;
const LENGTH_WEIGHT = 0.75;

/** BM25 without the rarity of words, since every match has all of them; more when the phrases stand close together. */
export function scoreMatches({ matches, words }: TextMatches, terms: SearchTerms): number {
  const damping = SATURATION * (1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * words) / USUAL_WORDS);
  const frequencies = terms.map((_, phrase) => matches.filter((match) => match.phrase === phrase).length);
  const frequency = frequencies.reduce((sum, count) => sum + (count * (SATURATION + 1)) / (count + damping), 0);
  return frequency + findWindow(matches).phrases / terms.length;
}

/** The part of a text with the most phrases; its beginning without a match. */
export function makeSnippet(text: string, matches: readonly Match[]): SearchSnippet {
  const { start: first } = findWindow(matches);
  const start = findEdge(text, Math.max(0, first - SNIPPET_LEAD_CHARS), 1, first);
  const end = findEdge(text, Math.min(text.length, start + SNIPPET_CHARS), -1, start);
  const highlights: { start: number; end: number }[] = [];
  for (const match of matches) {
    if (match.start < start || match.start >= end) continue;
    const range = { start: match.start - start, end: Math.min(match.end, end) - start };
    const last = highlights.at(-1);
    if (last !== undefined && range.start < last.end) last.end = Math.max(last.end, range.end);
    else highlights.push(range);
  }
  return {
    text: text.slice(start, end).replaceAll(SPACE, " "),
    highlights,
    isCutBefore: start > 0,
    isCutAfter: end < text.length,
  };
}

/** Where a snippet's length of text has the most phrases, and how many. */
function findWindow(matches: readonly Match[]): { readonly start: number; readonly phrases: number } {
  let best = { start: matches[0]?.start ?? 0, phrases: matches.length === 0 ? 0 : 1 };
  const counts = new Map<number, number>();
  let to = 0;
  for (const { start, phrase } of matches) {
    for (let next = matches[to]; next !== undefined && next.end <= start + SNIPPET_CHARS - SNIPPET_LEAD_CHARS;) {
      counts.set(next.phrase, (counts.get(next.phrase) ?? 0) + 1);
      next = matches[++to];
    }
    if (counts.size > best.phrases) best = { start, phrases: counts.size };
    const left = (counts.get(phrase) ?? 0) - 1;
    if (left <= 0) counts.delete(phrase);
    else counts.set(phrase, left);
  }
  return best;
}

/** The nearest place between two words in this direction, not beyond `limit`; never inside of a surrogate pair. */
function findEdge(text: string, at: number, direction: 1 | -1, limit: number): number {
  if (at === 0 || at === text.length) return at;
  for (let distance = 0; distance < EDGE_CHARS; distance++) {
    const edge = at + direction * distance;
    if (direction === 1 ? edge > limit : edge <= limit) break;
    if (/\s/.test(text.charAt(edge - 1)) !== /\s/.test(text.charAt(edge))) return edge;
  }
  const code = text.charCodeAt(at);
  return code >= 0xdc_00 && code <= 0xdf_ff ? at - 1 : at;
}

function hasPhraseAt(tokens: readonly Token[], at: number, { tokens: wanted, isPrefix }: Phrase): boolean {
  return wanted.every((text, index) => {
    const token = tokens[at + index]?.text;
    if (token === undefined) return false;
    return isPrefix && index === wanted.length - 1 ? token.startsWith(text) : token === text;
  });
}

function splitTokens(text: string): readonly Token[] {
  return [...text.matchAll(TOKEN)].map(({ 0: word, index }) => ({
    text: fold(word),
    start: index,
    end: index + word.length,
  }));
}

/** Without case and without the diacritics of European scripts. */
function fold(word: string): string {
  if (ASCII.test(word)) return word.toLowerCase();
  return word.normalize("NFD").replaceAll(DIACRITICS, "").normalize("NFC").toLowerCase();
}
