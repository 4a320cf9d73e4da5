/**
 * Asks the worker for colours: one question at a time, the latest first (it is on the screen), and withdrawn
 * questions are dropped. Answers are kept, so that a row which comes back has its colours at once.
 */
import type { Language } from "./languages.ts";

export interface HighlightQuestion {
  readonly id: number;
  readonly language: Language;
  readonly text: string;
}

export interface HighlightAnswer {
  readonly id: number;
  /** HTML, a line each. */
  readonly lines: readonly string[];
}

/** The worker, as far as it is used here. */
export interface HighlightPort {
  ask(question: HighlightQuestion): void;
}

export interface Highlighter {
  /** What is known at once; null when it must be asked for, or is too long for colours. */
  known(language: Language, text: string): readonly string[] | null;
  /** Calls back once. The returned function withdraws the question. */
  ask(language: Language, text: string, onAnswer: (lines: readonly string[]) => void): () => void;
  answered(answer: HighlightAnswer): void;
}

/** Longer texts are shown plain. */
const MOST_CHARS = 100_000;
const KEPT_CHARS = 2_000_000;

interface Waiting {
  readonly key: string;
  readonly language: Language;
  readonly text: string;
  readonly listeners: Set<(lines: readonly string[]) => void>;
}

export function createHighlighter(port: HighlightPort): Highlighter {
  const kept = new Map<string, readonly string[]>();
  const waiting = new Map<string, Waiting>();
  let keptChars = 0;
  let asked: { readonly id: number; readonly what: Waiting } | null = null;
  let lastId = 0;

  const next = () => {
    const what = [...waiting.values()].at(-1);
    if (asked !== null || what === undefined) return;
    waiting.delete(what.key);
    lastId += 1;
    asked = { id: lastId, what };
    port.ask({ id: lastId, language: what.language, text: what.text });
  };
  const keep = (key: string, lines: readonly string[]) => {
    kept.set(key, lines);
    keptChars += key.length;
    for (const oldest of kept.keys()) {
      if (keptChars <= KEPT_CHARS) return;
      kept.delete(oldest);
      keptChars -= oldest.length;
    }
  };
  const wait = (key: string, language: Language, text: string): Waiting => {
    if (asked?.what.key === key) return asked.what;
    const known = waiting.get(key) ?? { key, language, text, listeners: new Set() };
    waiting.delete(key);
    waiting.set(key, known);
    return known;
  };

  return {
    known: (language, text) => kept.get(toKey(language, text)) ?? null,
    ask(language, text, onAnswer) {
      if (text.length > MOST_CHARS) return () => {};
      const what = wait(toKey(language, text), language, text);
      what.listeners.add(onAnswer);
      next();
      return () => {
        what.listeners.delete(onAnswer);
        if (what.listeners.size === 0 && waiting.get(what.key) === what) waiting.delete(what.key);
      };
    },
    answered({ id, lines }) {
      if (asked?.id !== id) return;
      const { key, listeners } = asked.what;
      asked = null;
      keep(key, lines);
      for (const listener of listeners) listener(lines);
      next();
    },
  };
}

const toKey = (language: Language, text: string): string => `${language}\n${text}`;
