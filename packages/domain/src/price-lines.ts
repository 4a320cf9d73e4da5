/** Prices as lines of text: `claude-opus-5*  5  25  0.5  6.25`. Pure. */
import { err, ok, type Result } from "@samovar/base";
import { modelPrice, type ModelPrice } from "@samovar/contracts";

export const formatPriceLines = (prices: readonly ModelPrice[]): string =>
  prices
    .map(({ pattern, input, output, cacheRead, cacheWrite }) =>
      [pattern, input, output, cacheRead, cacheWrite].join("  "),
    )
    .join("\n");

/** The prices, or what is wrong with the first line that is none. Empty lines are left out. */
export function readPriceLines(text: string): Result<readonly ModelPrice[], string> {
  const prices: ModelPrice[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [pattern, ...numbers] = line.trim().split(/[\s,;|]+/);
    const [input, output, cacheRead, cacheWrite] = numbers.map((number) => Number(number.replace(/^\$/, "")));
    const read = modelPrice.safeParse({ pattern, input, output, cacheRead, cacheWrite });
    if (!read.success || numbers.length !== 4)
      return err(`Line ${index + 1} isn't a price: a model's name and four numbers are needed.`);
    prices.push(read.data);
  }
  return ok(prices);
}
