/**
 * Finds secrets in text by digests of their forms, so that a node can redact secrets that it does not have. A secret is one or
 * more words that are too long to be guessed; its forms are those of {@link encodeSecret}. Pure. Keeps S1.
 */
import type { SecretDigests } from "@samovar/contracts";
import { encodeSecret } from "./secret-encodings.ts";
import type { Sha256 } from "./transcript-digest.ts";

/** A shorter word could be found by trying all. */
export const WORD_MIN_CHARS = 16;
const WORD_MAX_CHARS = 8192;
/** All characters of words and of their forms. */
const WORDS = /[A-Za-z0-9+/=_.~-]{16,}/g;
const isOfForm = (unit: number): boolean =>
  (unit >= 48 && unit <= 57) ||
  (unit >= 65 && unit <= 90) ||
  (unit >= 97 && unit <= 122) ||
  FORM_SIGNS.includes(String.fromCharCode(unit));
const FORM_SIGNS = "+/=_.~-%";
/** Characters from which a form's `start` is made. */
const START_CHARS = 12;
const DIGEST_CHARS = 32;
const EMPTY_LINES = /(?:\r\n|\r(?!\n)|\n){2,}/;
const API_TOKEN = { prefix: "smv_", length: 47 } as const;

/** `secrets`: of any shape. Parts of them that are not words of at least {@link WORD_MIN_CHARS} are left alone. */
export function digestSecrets(secrets: readonly string[], salt: string, sha256: Sha256): SecretDigests["forms"] {
  const words = secrets.flatMap((secret) => secret.match(WORDS) ?? []).filter(({ length }) => length <= WORD_MAX_CHARS);
  const forms = new Set(words.flatMap(encodeSecret).filter(({ length }) => length >= START_CHARS));
  const base = getBase(salt);
  return [...forms].map((form) => ({
    length: form.length,
    start: toStart(hashStart(form, base)),
    digest: digestForm(form, salt, sha256),
  }));
}

const digestForm = (form: string, salt: string, sha256: Sha256): string =>
  sha256(`${salt}:${form}`).slice(0, DIGEST_CHARS);

/** A polynomial over the characters, modulo 2^32; its upper half is used. Odd, so that no character is lost. */
const getBase = (salt: string): number => Number.parseInt(salt.slice(0, 8), 16) | 0x10001;
const toStart = (hash: number): number => hash >>> 16;

function hashStart(text: string, base: number): number {
  let hash = 0;
  for (let at = 0; at < START_CHARS; at++) hash = Math.imul(hash, base) + text.charCodeAt(at);
  return hash | 0;
}

export interface DigestFindings {
  /** In order of their start; they may overlap. */
  readonly spans: readonly { readonly start: number; readonly end: number }[];
  /** How many of the last characters may be the beginning of a form. */
  readonly pending: number;
  /** How many of these begin as a form does. */
  readonly begun: number;
}

type Form = SecretDigests["forms"][number];

export class DigestSearch {
  readonly #digests: SecretDigests;
  readonly #apiTokens: ReadonlySet<string>;
  readonly #sha256: Sha256;
  readonly #forms = new Map<number, Form[]>();
  readonly #base: number;
  /** The base to the power of {@link START_CHARS}. */
  readonly #power: number;

  constructor(digests: SecretDigests, sha256: Sha256) {
    this.#digests = digests;
    this.#apiTokens = new Set(digests.apiTokens);
    this.#sha256 = sha256;
    this.#base = getBase(digests.salt);
    this.#power = Array.from({ length: START_CHARS }).reduce<number>((power) => Math.imul(power, this.#base), 1);
    for (const form of digests.forms) {
      const known = this.#forms.get(form.start);
      if (known === undefined) this.#forms.set(form.start, [form]);
      else known.push(form);
    }
  }

  /** Line breaks are skipped, but not empty lines, and not counted. */
  search(text: string): DigestFindings {
    const spans: { start: number; end: number }[] = [];
    let [offset, pending, begun] = [0, 0, 0];
    // Then nothing can begin either.
    if (this.#forms.size === 0 && this.#apiTokens.size === 0) return { spans, pending, begun };
    for (const part of text.split(EMPTY_LINES)) {
      const line = part.replaceAll(/[\r\n]/g, "");
      [pending, begun] = [0, 0];
      for (const { start, end } of findRuns(line)) {
        const found = this.#searchRun(line, start, end);
        for (const span of found.spans) spans.push({ start: offset + span.start, end: offset + span.end });
        if (end < line.length) continue;
        begun = found.firstBegun === null ? 0 : end - found.firstBegun;
        pending = Math.max(begun, Math.min(end - start, START_CHARS - 1));
      }
      offset += line.length;
    }
    return { spans: spans.toSorted((a, b) => a.start - b.start), pending, begun };
  }

  #searchRun(text: string, start: number, end: number) {
    const spans: { start: number; end: number }[] = [];
    let firstBegun: number | null = null;
    let hash = 0;
    for (let next = start; next < end; next++) {
      hash = Math.imul(hash, this.#base) + text.charCodeAt(next);
      const at = next + 1 - START_CHARS;
      if (at < start) continue;
      if (at > start) hash -= Math.imul(text.charCodeAt(at - 1), this.#power);
      for (const form of this.#forms.get(toStart(hash | 0)) ?? []) {
        if (at + form.length > end) firstBegun ??= at;
        else if (this.#isForm(text.slice(at, at + form.length), form)) spans.push({ start: at, end: at + form.length });
      }
      hash |= 0;
    }
    const token = this.#searchTokens(text.slice(start, end), start);
    const begins = [firstBegun, token.firstBegun].filter((at) => at !== null);
    return { spans: [...spans, ...token.spans], firstBegun: begins.length === 0 ? null : Math.min(...begins) };
  }

  #isForm(text: string, { digest }: Form): boolean {
    return digestForm(text, this.#digests.salt, this.#sha256) === digest;
  }

  #searchTokens(run: string, offset: number) {
    const spans: { start: number; end: number }[] = [];
    let firstBegun: number | null = null;
    if (this.#apiTokens.size === 0) return { spans, firstBegun };
    const { prefix, length } = API_TOKEN;
    for (let at = run.indexOf(prefix); at !== -1; at = run.indexOf(prefix, at + 1)) {
      const token = run.slice(at, at + length);
      if (token.length < length) firstBegun ??= offset + at;
      else if (this.#apiTokens.has(this.#sha256(token))) spans.push({ start: offset + at, end: offset + at + length });
    }
    return { spans, firstBegun };
  }
}

/** Runs of characters that occur in forms. */
function findRuns(text: string): { readonly start: number; readonly end: number }[] {
  const runs: { start: number; end: number }[] = [];
  for (let at = 0; at < text.length; at++) {
    if (!isOfForm(text.charCodeAt(at))) continue;
    const start = at;
    while (at < text.length && isOfForm(text.charCodeAt(at))) at++;
    runs.push({ start, end: at });
  }
  return runs;
}
