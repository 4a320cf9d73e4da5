/** Colours for code, when they come. The worker starts with the first question. */
import { useEffect, useState } from "react";
import { createHighlighter, type Highlighter, type HighlightAnswer } from "./highlighter.ts";
import type { Language } from "./languages.ts";

let highlighter: Highlighter | null = null;

function startHighlighter(): Highlighter {
  const worker = new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" });
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
  const started = createHighlighter({ ask: (question) => worker.postMessage(question) });
  worker.addEventListener("message", ({ data }: MessageEvent<HighlightAnswer>) => started.answered(data));
  return started;
}

interface Coloured {
  readonly text: string;
  readonly lines: readonly string[];
}

/** HTML of highlight.js, a line each; null while there is none, and when `language` is null. */
export function useHighlight(text: string, language: Language | null): readonly string[] | null {
  const [coloured, setColoured] = useState<Coloured | null>(null);
  const known = language === null ? null : (highlighter?.known(language, text) ?? null);
  useEffect(() => {
    if (language === null || known !== null || text === "") return;
    highlighter ??= startHighlighter();
    return highlighter.ask(language, text, (lines) => setColoured({ text, lines }));
  }, [text, language, known]);
  return known ?? (coloured?.text === text ? coloured.lines : null);
}
