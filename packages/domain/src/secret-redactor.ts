/**
 * Takes known secrets and their common encodings out of text, also when the text comes in chunks. It searches for all forms at
 * once (Aho-Corasick), in time linear in the text, and for those of which only digests are known. Line breaks inside a form are
 * skipped, but not empty lines. Pure: a redactor never changes. Keeps S1.
 */
import type { DigestSearch } from "./secret-digests.ts";
import { encodeSecret, SECRET_MIN_CHARS } from "./secret-encodings.ts";

export const REDACTION_MARK = "[redacted]";

export interface Redacted {
  readonly text: string;
  /** How many marks are in the text. */
  readonly redactions: number;
}

/**
 * The end of a growing text that is not shown yet, because a secret may begin there: never longer than the longest form,
 * apart from line breaks in it.
 */
export interface HeldText {
  readonly text: string;
  /** Its first characters, line breaks not counted, that belong to a redaction shown already. */
  readonly covered: number;
  /** How much of it, line breaks included, is shown already and only kept because a secret may begin there. */
  readonly shown: number;
}

export const NOTHING_HELD: HeldText = { text: "", covered: 0, shown: 0 };

export interface GrownText extends Redacted {
  readonly held: HeldText;
}

/** A part of a text, in characters other than line breaks; `end` is exclusive. */
interface Span {
  readonly start: number;
  readonly end: number;
}

interface Findings {
  /** In order, without overlaps. */
  readonly spans: Span[];
  /** Characters of the text other than line breaks. */
  readonly length: number;
  /** How many of the last ones may be the beginning of a form. */
  readonly pending: number;
  /** How many of the last ones to take out of a text that is cut here; at most `pending`. */
  readonly begun: number;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const isBreak = (unit: number): boolean => unit === LINE_FEED || unit === CARRIAGE_RETURN;

export class SecretRedactor {
  readonly #search: ((text: string, covered: number) => Findings) | null;

  /** `secrets`: values of less than eight characters are left alone. `digests`: of secrets that are not known here. */
  constructor(secrets: readonly string[], digests: DigestSearch | null = null) {
    const all = [...new Set(secrets.flatMap(encodeSecret))];
    const forms = all.length === 0 ? null : new FormSearch(all);
    this.#search =
      forms === null && digests === null ? null : (text, covered) => find({ forms, digests }, text, covered);
  }

  /** Redacts a whole text. */
  redact(text: string): Redacted {
    if (this.#search === null || text.length < SECRET_MIN_CHARS) return { text, redactions: 0 };
    return show(text, this.#search(text, 0).spans, text.length);
  }

  /** As {@link redact}, for a text that was cut at its end: the beginning of a secret there is redacted too. */
  redactCut(text: string): Redacted {
    if (this.#search === null) return { text, redactions: 0 };
    const { spans, length, begun } = this.#search(text, 0);
    const all = begun < SECRET_MIN_CHARS ? spans : addSpan(spans, { start: length - begun, end: length });
    return show(text, all, text.length);
  }

  /** Redacts the next chunk of a text; `held` is what the chunk before it left, at first {@link NOTHING_HELD}. */
  grow(held: HeldText, chunk: string): GrownText {
    const text = held.text + chunk;
    if (this.#search === null) return { text, redactions: 0, held: NOTHING_HELD };
    const { spans, length, pending } = this.#search(text, held.covered);
    const shown = length - pending;
    const isFirstShown = held.covered > 0;
    const begun = spans.filter(({ start }) => start < shown || (isFirstShown && start === 0));
    const cut = indexOfLast(text, pending);
    return {
      ...show(text, begun, cut, { isFirstShown, skip: held.shown }),
      held: {
        text: text.slice(cut),
        covered: Math.max(0, (begun.at(-1)?.end ?? 0) - shown),
        shown: Math.max(0, held.shown - cut),
      },
    };
  }

  /**
   * What can be shown of a held text whose next chunk does not come: all, unless it begins as a secret does. It stays held, so
   * that the rest of a secret is found; only what was shown of it is not taken back.
   */
  release(held: HeldText): GrownText {
    const nothing = { text: "", redactions: 0, held };
    if (this.#search === null || held.covered > 0) return nothing;
    if (this.#search(held.text, 0).begun > 0) return nothing;
    return { text: held.text.slice(held.shown), redactions: 0, held: { ...held, shown: held.text.length } };
  }

  /** The rest of a text that grows no more. */
  flush(held: HeldText): Redacted {
    if (this.#search === null || held.text === "") return { text: held.text, redactions: 0 };
    const { spans } = this.#search(held.text, held.covered);
    return show(held.text, spans, held.text.length, { isFirstShown: held.covered > 0, skip: held.shown });
  }
}

interface Searches {
  readonly forms: FormSearch | null;
  readonly digests: DigestSearch | null;
}

/** `covered`: a first span that is known already. */
function find({ forms, digests }: Searches, text: string, covered: number): Findings {
  const known = forms?.search(text, covered) ?? findNothing(text, covered);
  if (digests === null) return known;
  const { spans, pending, begun } = digests.search(text);
  return {
    spans: spans.length === 0 ? known.spans : joinSpans([...known.spans, ...spans]),
    length: known.length,
    pending: Math.max(known.pending, pending),
    begun: Math.max(known.begun, begun),
  };
}

function findNothing(text: string, covered: number): Findings {
  const length = text.length - (text.match(/[\r\n]/g)?.length ?? 0);
  return { spans: covered > 0 ? [{ start: 0, end: covered }] : [], length, pending: 0, begun: 0 };
}

function joinSpans(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.end - b.end)) addSpan(joined, span);
  return joined;
}

/**
 * The text before the index `cut`, with a mark for each span, except a first one that is shown already, and without the first
 * `skip`, which are shown too.
 */
function show(
  text: string,
  spans: readonly Span[],
  cut: number,
  { isFirstShown, skip } = { isFirstShown: false, skip: 0 },
): Redacted {
  const parts: string[] = [];
  let [at, passed, from] = [0, 0, skip];
  const pass = (count: number) => {
    for (; passed < count; at++) if (!isBreak(text.charCodeAt(at))) passed++;
  };
  for (const { start, end } of spans) {
    pass(start);
    while (isBreak(text.charCodeAt(at))) at++;
    if (!isFirstShown || start > 0) parts.push(text.slice(from, at), REDACTION_MARK);
    pass(end);
    from = at;
  }
  return { text: parts.join("") + text.slice(from, Math.max(from, cut)), redactions: parts.length / 2 };
}

/** The index of the character from which on there are `count` characters, line breaks not counted. */
function indexOfLast(text: string, count: number): number {
  let at = text.length;
  for (let left = count; left > 0;) if (!isBreak(text.charCodeAt(--at))) left--;
  return at;
}

/** Adds a span that ends last, joined with those that it overlaps. */
function addSpan(spans: Span[], { start, end }: Span): Span[] {
  let first = start;
  for (let last = spans.at(-1); last !== undefined && last.end > start; last = spans.at(-1)) {
    first = Math.min(first, last.start);
    spans.pop();
  }
  spans.push({ start: first, end });
  return spans;
}

/** Finds all forms in one pass: a trie, and for each state the longest other one that the text ends with. */
class FormSearch {
  /** The trie's states by number; 0 is the root. Children of a state are a list through `#sibling`. */
  readonly #unit: Uint16Array;
  readonly #child: Int32Array;
  readonly #sibling: Int32Array;
  /** The state of the longest proper suffix. */
  readonly #suffix: Int32Array;
  /** The characters from the root. */
  readonly #depth: Int32Array;
  /** The length of the longest form that ends at the state; 0 for none. */
  readonly #longest: Int32Array;
  /** The root's children by their character. */
  readonly #roots: Int32Array;

  constructor(forms: readonly string[]) {
    const states = 1 + forms.reduce((sum, form) => sum + form.length, 0);
    this.#unit = new Uint16Array(states);
    this.#child = new Int32Array(states);
    this.#sibling = new Int32Array(states);
    this.#suffix = new Int32Array(states);
    this.#depth = new Int32Array(states);
    this.#longest = new Int32Array(states);
    this.#roots = new Int32Array(0x1_00_00);
    let made = 1;
    for (const form of forms) {
      let state = 0;
      for (let at = 0; at < form.length; at++) {
        const unit = form.charCodeAt(at);
        const known = this.#findChild(state, unit);
        state = known === 0 ? this.#addChild(state, unit, made++) : known;
      }
      this.#longest[state] = form.length;
    }
    this.#linkSuffixes(made);
  }

  /** `covered`: a first span that is known already. */
  search(text: string, covered: number): Findings {
    const spans: Span[] = covered > 0 ? [{ start: 0, end: covered }] : [];
    let state = 0;
    let breaks = 0;
    let before = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (isBreak(unit)) {
        breaks++;
        const isSecond = isBreak(before) && !(before === CARRIAGE_RETURN && unit === LINE_FEED);
        if (isSecond) state = 0;
      } else {
        state = state === 0 ? (this.#roots[unit] ?? 0) : this.#next(state, unit);
        const found = state === 0 ? 0 : (this.#longest[state] ?? 0);
        const end = at + 1 - breaks;
        if (found > 0) addSpan(spans, { start: end - found, end });
      }
      before = unit;
    }
    const pending = this.#depth[state] ?? 0;
    return { spans, length: text.length - breaks, pending, begun: pending };
  }

  #next(from: number, unit: number): number {
    let state = from;
    while (state !== 0) {
      const child = this.#findChild(state, unit);
      if (child !== 0) return child;
      state = this.#suffix[state] ?? 0;
    }
    return this.#roots[unit] ?? 0;
  }

  #findChild(state: number, unit: number): number {
    if (state === 0) return this.#roots[unit] ?? 0;
    let child = this.#child[state] ?? 0;
    while (child !== 0 && this.#unit[child] !== unit) child = this.#sibling[child] ?? 0;
    return child;
  }

  #addChild(parent: number, unit: number, state: number): number {
    this.#unit[state] = unit;
    this.#depth[state] = (this.#depth[parent] ?? 0) + 1;
    this.#sibling[state] = this.#child[parent] ?? 0;
    this.#child[parent] = state;
    if (parent === 0) this.#roots[unit] = state;
    return state;
  }

  /** Breadth first, because a suffix is shorter than its state. */
  #linkSuffixes(states: number): void {
    const queue = new Int32Array(states);
    let queued = 1;
    for (let at = 0; at < queued; at++) {
      const parent = queue[at] ?? 0;
      for (let child = this.#child[parent] ?? 0; child !== 0; child = this.#sibling[child] ?? 0) {
        const suffix = parent === 0 ? 0 : this.#next(this.#suffix[parent] ?? 0, this.#unit[child] ?? 0);
        this.#suffix[child] = suffix;
        this.#longest[child] = (this.#longest[child] ?? 0) || (this.#longest[suffix] ?? 0);
        queue[queued++] = child;
      }
    }
  }
}
