/**
 * What models cost: the table that an installation starts with, and how a model finds its price. Pure.
 *
 * Source: the providers' price lists (platform.claude.com/docs/en/about-claude/pricing, developers.openai.com/api/docs/pricing,
 * ai.google.dev/gemini-api/docs/pricing), for calls at the standard rate. Not in the table: surcharges for very long prompts
 * and for a cache of one hour, discounts for batches, tools that are charged by the call. A model that is missing has no price.
 */
import type { ModelPrice, PriceTable } from "@samovar/contracts";

const price = (pattern: string, input: number, output: number, cacheRead: number, cacheWrite = input): ModelPrice => ({
  pattern,
  input,
  output,
  cacheRead,
  cacheWrite,
});

/** The more special pattern stands before the more general one. */
export const DEFAULT_PRICES: PriceTable = {
  asOf: "2026-11-05",
  changedAt: null,
  prices: [
    price("claude-fable-5-1*", 10, 50, 0.25, 12.5),
    price("claude-fable-5*", 10, 50, 1, 12.5),
    price("claude-opus-5-5*", 4, 20, 0.2, 5),
    price("claude-opus-5*", 5, 25, 0.5, 6.25),
    price("claude-opus-4-5*", 5, 25, 0.5, 6.25),
    price("claude-opus-4-6*", 5, 25, 0.5, 6.25),
    price("claude-opus-4-7*", 5, 25, 0.5, 6.25),
    price("claude-opus-4-8*", 5, 25, 0.5, 6.25),
    price("claude-opus-4*", 15, 75, 1.5, 18.75),
    price("claude-sonnet-5-5*", 2, 10, 0.1, 2.5),
    price("claude-sonnet-5*", 2, 10, 0.2, 2.5),
    price("claude-sonnet-4*", 3, 15, 0.3, 3.75),
    price("claude-3-7-sonnet*", 3, 15, 0.3, 3.75),
    price("claude-haiku-5-5*", 0.1, 0.5, 0.01, 0.125),
    price("claude-haiku-4-5*", 1, 5, 0.1, 1.25),
    price("claude-3-5-haiku*", 0.8, 4, 0.08, 1),
    price("gpt-5.4", 2.5, 15, 0.25),
    price("gpt-5.4-2*", 2.5, 15, 0.25),
    price("gpt-5.3-codex*", 1.75, 14, 0.175),
    price("gpt-5.2-codex*", 1.75, 14, 0.175),
    price("gpt-5.2", 1.75, 14, 0.175),
    price("gpt-5.2-2*", 1.75, 14, 0.175),
    price("gpt-5.1-codex-mini*", 0.25, 2, 0.025),
    price("gpt-5.1-codex*", 1.25, 10, 0.125),
    price("gpt-5.1", 1.25, 10, 0.125),
    price("gpt-5.1-2*", 1.25, 10, 0.125),
    price("gpt-5-mini*", 0.25, 2, 0.025),
    price("gpt-5-nano*", 0.05, 0.4, 0.005),
    price("gpt-5-codex*", 1.25, 10, 0.125),
    price("gpt-5", 1.25, 10, 0.125),
    price("gpt-5-2*", 1.25, 10, 0.125),
    price("gpt-4.1-mini*", 0.4, 1.6, 0.1),
    price("gpt-4.1-nano*", 0.1, 0.4, 0.025),
    price("gpt-4.1*", 2, 8, 0.5),
    price("o3", 2, 8, 0.5),
    price("o3-2*", 2, 8, 0.5),
    price("o4-mini*", 1.1, 4.4, 0.275),
    price("gemini-3.1-pro*", 2, 12, 0.2),
    price("gemini-3-pro*", 2, 12, 0.2),
    price("gemini-3-flash*", 0.5, 3, 0.05),
    price("gemini-2.5-pro*", 1.25, 10, 0.125),
    price("gemini-2.5-flash-lite*", 0.1, 0.4, 0.01),
    price("gemini-2.5-flash*", 0.3, 2.5, 0.03),
  ],
};

/** The first price whose pattern fits the model's name, or the part of it after the last slash; null when none does. */
export function findPrice(prices: readonly ModelPrice[], model: string): ModelPrice | null {
  const names = [model, model.slice(model.lastIndexOf("/") + 1)].map((name) => name.toLowerCase());
  return prices.find(({ pattern }) => names.some((name) => fits(pattern.toLowerCase(), name))) ?? null;
}

/** `*` stands for any text. Without regular expressions, so that no pattern can be slow. */
function fits(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return name === first;
  const last = rest.at(-1) ?? "";
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}
