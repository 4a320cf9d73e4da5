/**
 * Finds messages by their words: final ones in the index, the others, which are few, by reading them. Each request does a
 * bounded amount of work and says whether it covered everything.
 */
import type { SearchHit, SearchPage, SearchRequest, SessionView } from "@samovar/contracts";
import { SamovarError, SEARCH_LIMITS } from "@samovar/contracts";
import type { SearchTerms } from "@samovar/domain/message-search";
import { findMatches, getSearchText, makeSnippet, parseSearch, scoreMatches } from "@samovar/domain/message-search";
import type { FoundMessage } from "./rows.ts";
import type { SearchIndex, Selection } from "./search-index.ts";
import type { ProjectStorage } from "./storage.ts";

/** What a search indexes before it looks: more than running sessions add between two alarms. */
const CATCH_UP = { messages: 1_000, chars: 2 * 1024 * 1024 };
/** Messages that are not final and read by one search. */
const UNFINISHED = { messages: 2_000, chars: 8 * 1024 * 1024 };
/** The newest matches that are ranked. */
const RANKED = { messages: 300, chars: 16 * 1024 * 1024 };

interface Parts {
  readonly storage: ProjectStorage;
  readonly index: SearchIndex;
}

/** `row`: the newest row that may be among the ranked ones, or the last one shown. */
interface Place {
  readonly row: number;
  /** How many ranked ones were shown. */
  readonly shown: number;
}

const START: Place = { row: Number.MAX_SAFE_INTEGER, shown: 0 };

/** Throws `invalid_request` for a query without words or with too many, and for an unknown cursor. */
export function searchMessages({ storage, index }: Parts, request: SearchRequest): SearchPage {
  const terms = parseSearch(request.q);
  if (terms === null) {
    const message = `Search for 1 to ${SEARCH_LIMITS.queryWords} words. Only letters and digits count.`;
    throw new SamovarError("invalid_request", message);
  }
  const place = request.cursor === undefined ? START : parseCursor(request.cursor);
  const isIndexed = index.catchUp(CATCH_UP);
  const selection = { terms, role: request.role, before: place.row };
  const unfinished = findUnfinished(index, selection);
  const found = { ...selection, unfinished: unfinished.rows, limit: request.limit };
  const { rows, next } = request.order === "best" ? rank(index, found, place) : takeNewest(index, found);
  const toHit = createHitMaker(storage, terms);
  return {
    items: rows.map((row) => toHit(index.get(row))),
    nextCursor: next === null ? null : formatCursor(next),
    complete: isIndexed && unfinished.isComplete,
  };
}

interface FoundSelection extends Selection {
  /** Rows of unfinished messages that match, newest first. */
  readonly unfinished: readonly number[];
  readonly limit: number;
}

interface FoundRows {
  readonly rows: readonly number[];
  readonly next: Place | null;
}

function takeNewest(index: SearchIndex, { unfinished, limit, ...selection }: FoundSelection): FoundRows {
  const indexed: number[] = [];
  for (const { row } of index.find(selection)) {
    indexed.push(row);
    if (indexed.length > limit) break;
  }
  const all = [...indexed, ...unfinished].toSorted((a, b) => b - a);
  const rows = all.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: all.length > limit && last !== undefined ? { row: last, shown: 0 } : null };
}

function rank(index: SearchIndex, found: FoundSelection, { shown }: Place): FoundRows {
  const ranked = [...takeRanked(index, found)].toSorted((a, b) => b.score - a.score || b.row - a.row);
  const newest = ranked.reduce((row, each) => Math.max(row, each.row), 0);
  const rows = ranked.slice(shown, shown + found.limit).map(({ row }) => row);
  const isOver = shown + rows.length >= ranked.length;
  // Later messages do not move the places of these.
  return { rows, next: isOver ? null : { row: Math.min(found.before, newest + 1), shown: shown + rows.length } };
}

function* takeRanked(index: SearchIndex, { unfinished, terms, ...selection }: FoundSelection) {
  const score = ({ row, message }: FoundMessage) => {
    const matches = findMatches(getSearchText(message), terms);
    return { row, score: matches === null ? 0 : scoreMatches(matches, terms) };
  };
  for (const row of unfinished) yield score(index.get(row));
  let [messages, chars] = [0, 0];
  for (const found of index.find({ ...selection, terms })) {
    yield score(found);
    chars += found.size;
    if (++messages === RANKED.messages || chars > RANKED.chars) return;
  }
}

function findUnfinished(index: SearchIndex, selection: Selection) {
  const rows: number[] = [];
  let [messages, chars] = [0, 0];
  for (const { row, message, size } of index.unfinished(selection)) {
    if (messages === UNFINISHED.messages || chars > UNFINISHED.chars) return { rows, isComplete: false };
    if (findMatches(getSearchText(message), selection.terms) !== null) rows.push(row);
    messages++;
    chars += size;
  }
  return { rows: rows.toSorted((a, b) => b - a), isComplete: true };
}

function createHitMaker(storage: ProjectStorage, terms: SearchTerms): (found: FoundMessage) => SearchHit {
  const sessions = new Map<string, SessionView | null>();
  return ({ message }) => {
    const { sessionId, messageId, position, role, kind, createdAt } = message;
    const session = sessions.get(sessionId) ?? storage.session(sessionId);
    sessions.set(sessionId, session);
    const text = getSearchText(message);
    const snippet = makeSnippet(text, findMatches(text, terms)?.matches ?? []);
    const about = { taskId: session?.taskId ?? null, topic: session?.topic ?? null };
    return { sessionId, ...about, messageId, position, role, kind, createdAt, snippet };
  };
}

const formatCursor = ({ row, shown }: Place): string => `${row}.${shown}`;

function parseCursor(cursor: string): Place {
  const [, row = "", shown = ""] = /^(\d{1,15})\.(\d{1,6})$/.exec(cursor) ?? [];
  if (row === "") throw new SamovarError("invalid_request", "Unknown cursor. Start again without one.");
  return { row: Number(row), shown: Number(shown) };
}
