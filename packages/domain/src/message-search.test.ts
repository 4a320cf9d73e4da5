import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findMatches,
  getSearchText,
  makeSnippet,
  parseSearch,
  scoreMatches,
  toFullTextQuery,
} from "./message-search.ts";

function termsOf(query: string) {
  const terms = parseSearch(query);
  if (terms === null) throw new Error(`no words in ${query}`);
  return terms;
}

function marked(text: string, query: string): string | null {
  const found = findMatches(text, termsOf(query));
  if (found === null) return null;
  const { text: part, highlights } = makeSnippet(text, found.matches);
  return highlights.toReversed().reduce((shown, { start, end }) => {
    return `${shown.slice(0, start)}[${shown.slice(start, end)}]${shown.slice(end)}`;
  }, part);
}

describe("the words of a query", () => {
  it.each([
    ["Tea kettle", '"Tea" AND "kettle" *'],
    ["foo_bar", '"foo bar" *'],
    ['") OR role:user NEAR(a -b', '"OR" AND "role user" AND "NEAR a" AND "b" *'],
    ["naïve*", '"naïve" *'],
  ])("[R47] of %j are %s", (query, expected) => {
    expect(toFullTextQuery(termsOf(query))).toBe(expected);
  });

  it("[R47] never contain anything but letters, digits and marks, whatever was typed", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 100 }), (query) => {
        const terms = parseSearch(query);
        if (terms !== null)
          expect(toFullTextQuery(terms)).toMatch(
            /^"[\p{L}\p{N}\p{Co}\p{M} ]+"( AND "[\p{L}\p{N}\p{Co}\p{M} ]+")* \*$/u,
          );
      }),
    );
  });

  it("[R47] are none in punctuation alone, and at most sixteen", () => {
    expect(parseSearch("?! --")).toBeNull();
    expect(parseSearch("a ".repeat(17))).toBeNull();
    expect(parseSearch("a ".repeat(16))).toHaveLength(16);
  });
});

describe("a text", () => {
  it.each([
    ["The kettle boils.", "KETTLE", "The [kettle] boils."],
    ["The kettle boils.", "boil the", null],
    ["The kettle boils.", "the boil", "[The] kettle [boils]."],
    ["Ein Gefäß, naïve", "gefaß naive", "Ein [Gefäß], [naïve]"],
    ["call foo_bar(1)", "foo_bar", "call [foo_bar](1)"],
    ["call foo(bar)", "foo_baz", null],
    ["line\none\ttwo", "one", "line [one] two"],
    ["日本語 テスト", "テス", "日本語 [テスト]"],
    ["한국어", "한국", "[한국어]"],
  ])("[R47] %j with %j: %j", (text, query, expected) => {
    expect(marked(text, query)).toBe(expected);
  });

  it("[R47] shows the part with most of the words, cut between words", () => {
    const text = `tea ${"lorem ipsum ".repeat(100)}green tea leaves ${"dolor sit ".repeat(100)}`;
    const found = findMatches(text, termsOf("green tea"));
    const snippet = makeSnippet(text, found?.matches ?? []);
    expect(snippet.text).toContain("green tea leaves");
    expect(snippet.text.length).toBeLessThanOrEqual(200);
    expect(snippet).toMatchObject({ isCutBefore: true, isCutAfter: true });
    expect(snippet.highlights.map(({ start, end }) => snippet.text.slice(start, end))).toEqual(["green", "tea"]);
  });

  it("[R47] has its highlights inside of the snippet, whatever the text", () => {
    const word = fc.constantFrom("tea", "Teapot", "té\u0301a", "😀", "\n", "kettle", "x".repeat(300), " ");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 80 }), (words) => {
        const text = words.join(" ");
        const { text: part, highlights } = makeSnippet(text, findMatches(text, termsOf("tea"))?.matches ?? []);
        expect(part.isWellFormed()).toBe(true);
        for (const { start, end } of highlights) {
          expect(start).toBeLessThan(end);
          expect(end).toBeLessThanOrEqual(part.length);
        }
      }),
    );
  });

  it("[R47] scores higher with more matches, closer words and less around them", () => {
    const score = (text: string) => {
      const found = findMatches(text, termsOf("green tea"));
      return found === null ? 0 : scoreMatches(found, termsOf("green tea"));
    };
    const far = `green ${"lorem ".repeat(60)}tea`;
    expect(score("green tea, green tea")).toBeGreaterThan(score("green tea, black coffee"));
    expect(score("green tea")).toBeGreaterThan(score(far));
    expect(score(`green tea ${"lorem ".repeat(60)}`)).toBeGreaterThan(score(far));
  });
});

it("[R47] a tool call is found by its title, target and output, and a plan by its entries", () => {
  const tool = {
    toolCallId: "1",
    tool: "execute",
    title: "npm test",
    target: "src/tea.ts",
    status: "success",
    output: "\u001b[31mfailed\u001b[0m",
  } as const;
  expect(getSearchText({ kind: "tool", content: "", toolMetadata: tool })).toBe("npm test\nsrc/tea.ts\nfailed");
  const plan = JSON.stringify([{ content: "Boil water", status: "pending" }]);
  expect(getSearchText({ kind: "plan", content: plan, toolMetadata: null })).toBe("Boil water");
});
