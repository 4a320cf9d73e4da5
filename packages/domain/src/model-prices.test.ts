import { modelPrices, priceTable } from "@samovar/contracts";
import { describe, expect, it, test } from "vitest";
import { DEFAULT_PRICES, findPrice } from "./model-prices.ts";

const inputOf = (model: string) => findPrice(DEFAULT_PRICES.prices, model)?.input ?? null;
const only = (pattern: string) => [{ pattern, input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }];

describe("[R51] the price of a model", () => {
  it("comes from a table that is valid and dated", () => {
    expect(priceTable.parse(DEFAULT_PRICES)).toEqual(DEFAULT_PRICES);
  });

  test.each([
    ["claude-opus-4-5-20251101", 5],
    ["claude-opus-4-1-20250805", 15],
    ["claude-opus-5-5", 4],
    ["claude-opus-5", 5],
    ["claude-sonnet-4-5-20250929", 3],
    ["anthropic/claude-sonnet-4", 3],
    ["Claude-Haiku-4-5", 1],
    ["gpt-5", 1.25],
    ["gpt-5-mini-2025-08-07", 0.25],
    ["gpt-5-2025-08-07", 1.25],
    ["gpt-5.2", 1.75],
    ["models/gemini-2.5-flash-lite", 0.1],
    ["gemini-2.5-flash", 0.3],
  ])("is found for %s", (model, input) => expect(inputOf(model)).toBe(input));

  test.each(["gpt-5.9", "gpt-5-pro", "o3-pro", "tea", "", "claude", "my-claude-opus-5"])(
    "is unknown for %j, rather than that of a similar name",
    (model) => expect(inputOf(model)).toBeNull(),
  );

  test.each([
    ["*", "anything", true],
    ["a*c", "abc", true],
    ["a*c", "ac", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["ab*ba", "aba", false],
    ["*b*", "abc", true],
    ["a**b", "ab", true],
    ["a.c", "abc", false],
    ["abc", "abcd", false],
  ])("by the pattern %s for %s: %s", (pattern, model, fits) => {
    expect(findPrice(only(pattern), model) !== null).toBe(fits);
  });

  it("is found soon, however many stars a pattern has", () => {
    expect(findPrice(only(`${"a*".repeat(49)}b`), "a".repeat(200))).toBeNull();
  });

  it("[security 39] is refused when it is negative, huge or too fine, and when its pattern comes twice", () => {
    const price = { pattern: "a", input: 1, output: 1, cacheRead: 1, cacheWrite: 1 };
    for (const input of [-1, 1e9, 0.0000001, Number.NaN, Number.POSITIVE_INFINITY])
      expect(modelPrices.safeParse([{ ...price, input }]).success).toBe(false);
    expect(modelPrices.safeParse([price, { ...price, pattern: "A" }]).success).toBe(false);
    expect(modelPrices.safeParse([{ ...price, pattern: "a b" }]).success).toBe(false);
    expect(modelPrices.safeParse([{ ...price, input: 0.123456 }]).success).toBe(true);
  });
});
