import * as fc from "fast-check";
import { expect, it } from "vitest";
import { addUsage, readPromptUsage } from "./usage-tally.ts";
import type { UsageTally } from "./usage-tally.ts";

const dollars = (amount: number) => ({ cost: { amount, currency: "USD" } });

it("figures of different kinds stand beside each other, and the newest of each counts", () => {
  const first = addUsage(null, { contextUsed: 10, contextSize: 100 });
  const second = addUsage(first, { contextUsed: 12, ...dollars(0.5) });
  expect(addUsage(second, { inputTokens: 20, outputTokens: 7 }).usage).toEqual({
    contextUsed: 12,
    contextSize: 100,
    inputTokens: 20,
    outputTokens: 7,
    ...dollars(0.5),
  });
});

it("[F39] adds the cost of a restarted agent to that of its earlier processes, whatever each one reported", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 5 }), {
        minLength: 1,
        maxLength: 5,
      }),
      (lives) => {
        // Each process reports a growing total; a total below the last one shows a new process.
        const totals = lives.map((steps) => steps.map((_, i) => steps.slice(0, i + 1).reduce((a, b) => a + b, 0)));
        const isSeen = totals.every((life, i) => i === 0 || (life[0] ?? 0) < (totals[i - 1]?.at(-1) ?? 0));
        fc.pre(isSeen);
        let tally: UsageTally | null = null;
        for (const amount of totals.flat()) tally = addUsage(tally, dollars(amount));
        const spent = totals.reduce((sum, life) => sum + (life.at(-1) ?? 0), 0);
        expect(tally?.usage.cost?.amount).toBe(spent);
      },
    ),
  );
});

it("a cost in another currency replaces what was", () => {
  const tally = addUsage(addUsage(null, dollars(3)), { cost: { amount: 1, currency: "EUR" } });
  expect(tally.usage.cost).toEqual({ amount: 1, currency: "EUR" });
});

it("tokens are read from the answer to the prompt, or from what stands beside it; nonsense is left out", () => {
  expect(readPromptUsage({ usage: { inputTokens: 5, outputTokens: 6, cachedReadTokens: 7, totalTokens: 18 } })).toEqual(
    {
      inputTokens: 5,
      outputTokens: 6,
      cachedTokens: 7,
    },
  );
  expect(readPromptUsage({ _meta: { quota: { token_count: { input_tokens: 1, output_tokens: 2 } } } })).toEqual({
    inputTokens: 1,
    outputTokens: 2,
  });
  expect(readPromptUsage({ usage: { inputTokens: -1, outputTokens: "many" } })).toEqual({});
});
