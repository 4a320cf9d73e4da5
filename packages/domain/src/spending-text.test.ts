import { describe, expect, it, test } from "vitest";
import { explainSpent, formatLimit, formatSpent, parseTokens, parseUsd, toUsdInput } from "./spending-text.ts";

const spent = (costMicros: number, tokens: number, unpricedTokens = 0, unmeteredCalls = 0) => ({
  costMicros,
  tokens,
  unpricedTokens,
  unmeteredCalls,
});

describe("[R51] spending as it is shown", () => {
  test.each([
    [spent(0, 0), ""],
    [spent(420_000, 1000), "$0.42"],
    [spent(420_000, 1000, 10), "at least $0.42"],
    [spent(420_000, 1000, 0, 1), "at least $0.42"],
    [spent(0, 12_000, 12_000), "12k tokens, cost unknown"],
    [spent(0, 0, 0, 2), "2 model calls without usage, cost unknown"],
  ])("%j is %j", (amount, text) => expect(formatSpent(amount)).toBe(text));

  it("says what is missing in the cost", () => {
    expect(explainSpent(spent(1, 1))).toBe("");
    expect(explainSpent(spent(1, 100, 20, 1))).toBe(
      "20 tokens are of models without a price; 1 model call did not report usage and is not counted.",
    );
  });

  test.each([
    [{ costMicros: null, tokens: null }, "no limit"],
    [{ costMicros: 5_000_000, tokens: null }, "$5.00"],
    [{ costMicros: 5_000_000, tokens: 2_000_000 }, "$5.00 or 2M tokens"],
  ])("the limit %j is %j", (limit, text) => expect(formatLimit(limit)).toBe(text));
});

describe("[R51] amounts as they are typed", () => {
  test.each([
    ["2.50", 2_500_000],
    [" $ 3 ", 3_000_000],
    ["0.000001", 1],
    ["", null],
    ["none", null],
    ["0", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["2,50", undefined],
    ["0.0000001", undefined],
    ["99999999", undefined],
    ["much", undefined],
  ])("%j in USD is %j", (text, micros) => expect(parseUsd(text)).toBe(micros));

  test.each([
    ["500000", 500_000],
    ["500k", 500_000],
    ["1.5M", 1_500_000],
    ["1,000", 1000],
    ["none", null],
    ["", null],
    ["0", undefined],
    ["k", undefined],
    ["1.2.3", undefined],
    ["99999999999b", undefined],
  ])("%j tokens are %j", (text, tokens) => expect(parseTokens(text)).toBe(tokens));

  it("come back as they were typed", () => {
    for (const micros of [1, 2_500_000, 10_000_000, 123_456]) expect(parseUsd(toUsdInput(micros))).toBe(micros);
    expect(toUsdInput(null)).toBe("");
  });
});
