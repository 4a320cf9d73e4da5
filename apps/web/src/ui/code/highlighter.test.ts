/** The order of questions, and what comes of the answers. The worker is a list of what it was asked. */
import hljs from "highlight.js/lib/core";
import typescript from "highlight.js/lib/languages/typescript";
import { beforeEach, describe, expect, it } from "vitest";
import { createHighlighter, type Highlighter, type HighlightQuestion } from "./highlighter.ts";
import { findLanguage, getPathLanguage } from "./languages.ts";
import { splitHtmlLines } from "./split-html-lines.ts";

let asked: HighlightQuestion[];
let answered: string[];
let highlighter: Highlighter;

const ask = (text: string) => highlighter.ask("json", text, (lines) => answered.push(lines.join("")));
const answer = () => {
  const question = asked.at(-1);
  if (question !== undefined) highlighter.answered({ id: question.id, lines: [`<${question.text}>`] });
};

beforeEach(() => {
  asked = [];
  answered = [];
  highlighter = createHighlighter({ ask: (question) => asked.push(question) });
});

describe("[R27] questions to the worker", () => {
  it("go one at a time, the latest first", () => {
    for (const text of ["a", "b", "c"]) ask(text);
    expect(asked.map(({ text }) => text)).toEqual(["a"]);
    for (let left = 3; left > 0; left--) answer();
    expect(asked.map(({ text }) => text)).toEqual(["a", "c", "b"]);
    expect(answered).toEqual(["<a>", "<c>", "<b>"]);
  });

  it("are not asked once they were withdrawn", () => {
    ask("a");
    const takeBack = ask("b");
    takeBack();
    answer();
    expect(asked).toHaveLength(1);
  });

  it("are asked once for all who wait, and never again", () => {
    ask("a");
    ask("a");
    answer();
    expect(asked).toHaveLength(1);
    expect(answered).toEqual(["<a>", "<a>"]);
    expect(highlighter.known("json", "a")).toEqual(["<a>"]);
    expect(highlighter.known("yaml", "a")).toBeNull();
  });

  it("are not asked about what is too long", () => {
    ask("x".repeat(100_001));
    expect(asked).toEqual([]);
  });

  it("forget the oldest answers first", () => {
    const big = (start: string) => start + "x".repeat(99_000);
    for (let n = 0; n < 25; n++) {
      ask(big(`${n}`));
      answer();
    }
    expect(highlighter.known("json", big("0"))).toBeNull();
    expect(highlighter.known("json", big("24"))).not.toBeNull();
  });
});

describe("[R27] lines of coloured code", () => {
  it("are whole in themselves and hold all of the text, escaped", () => {
    hljs.registerLanguage("typescript", typescript);
    const text = "/* one\n   two <b>&\n*/\nconst a = `x${\n1}`;\n";
    const lines = splitHtmlLines(hljs.highlight(text, { language: "typescript" }).value);
    expect(lines).toHaveLength(text.split("\n").length);
    for (const line of lines) {
      expect(line.match(/<span/g)?.length).toBe(line.match(/<\/span>/g)?.length);
      expect(line.replaceAll(/<span class="[^"]*">|<\/span>/g, "")).not.toMatch(/[<>]/);
    }
    const plain = lines.map((line) => line.replaceAll(/<[^>]*>/g, "")).join("\n");
    expect(plain.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")).toBe(text);
  });
});

it("[R27] knows a language by its fence or its file", () => {
  expect(["ts", "TSX", "typescript title=x", "sh", "html", "yml"].map(findLanguage)).toEqual([
    "typescript",
    "typescript",
    "typescript",
    "bash",
    "xml",
    "yaml",
  ]);
  expect(["", "brainfuck", "constructor", "__proto__"].map(findLanguage)).toEqual([null, null, null, null]);
  expect(["src/a.test.ts", "Makefile", "a/b.rs", "LICENSE", ".gitignore"].map(getPathLanguage)).toEqual([
    "typescript",
    "bash",
    "rust",
    null,
    null,
  ]);
});
