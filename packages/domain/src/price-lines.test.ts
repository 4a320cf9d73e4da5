import { DEFAULT_PRICES } from "./model-prices.ts";
import { expect, it } from "vitest";
import { formatPriceLines, readPriceLines } from "./price-lines.ts";

it("[R51] prices come back from their lines as they were", () => {
  expect(readPriceLines(formatPriceLines(DEFAULT_PRICES.prices))).toEqual({ ok: true, value: DEFAULT_PRICES.prices });
});

it("takes dollar signs, commas and empty lines", () => {
  const price = { pattern: "tea-*", input: 1, output: 2.5, cacheRead: 0, cacheWrite: 1.25 };
  expect(readPriceLines("\n tea-*, $1, $2.5, 0, 1.25 \n\n")).toEqual({ ok: true, value: [price] });
});

it.each(["tea 1 2 3", "tea 1 2 3 4 5", "tea a b c d", "tea 1 2 3 -4", "tea! 1 2 3 4", "tea 1 2 3 0.0000001"])(
  "names the line that is no price: %s",
  (line) => {
    expect(readPriceLines(`ok 1 2 3 4\n${line}`)).toEqual({ ok: false, error: expect.stringContaining("Line 2") });
  },
);
