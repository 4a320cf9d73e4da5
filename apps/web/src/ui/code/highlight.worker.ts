/** Colours code, away from the page's own thread. What comes back is HTML of highlight.js, which escapes all text. */
import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import type { HighlightAnswer, HighlightQuestion } from "./highlighter.ts";
import type { Language } from "./languages.ts";
import { splitHtmlLines } from "./split-html-lines.ts";

const grammars: Readonly<Record<Language, Parameters<typeof hljs.registerLanguage>[1]>> = {
  bash,
  css,
  diff,
  go,
  javascript,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
for (const [name, grammar] of Object.entries(grammars)) hljs.registerLanguage(name, grammar);

addEventListener("message", ({ data }: MessageEvent<HighlightQuestion>) => {
  const { value } = hljs.highlight(data.text, { language: data.language, ignoreIllegals: true });
  const answer: HighlightAnswer = { id: data.id, lines: splitHtmlLines(value) };
  postMessage(answer);
});
