import type { MeteredUsage, ModelPrice, ModelUsage } from "@samovar/contracts";
import { MAX_METERED_MODELS, NOTHING_METERED } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  addCall,
  addCost,
  countTokens,
  mergeMetered,
  NO_COST,
  subtractMetered,
  sumMetered,
  toSpent,
} from "./metering.ts";

const usage = (model: string, ...[input, output, cacheRead, cacheWrite]: readonly number[]): ModelUsage => ({
  model,
  inputTokens: input ?? 0,
  outputTokens: output ?? 0,
  cacheReadTokens: cacheRead ?? 0,
  cacheWriteTokens: cacheWrite ?? 0,
});
const price = (pattern: string, ...[input, output, cacheRead, cacheWrite]: readonly number[]): ModelPrice => ({
  pattern,
  input: input ?? 0,
  output: output ?? 0,
  cacheRead: cacheRead ?? 0,
  cacheWrite: cacheWrite ?? 0,
});

const count = fc.nat(1e9);
const aCall = fc
  .tuple(fc.constantFrom("black", "green", "white"), count, count, count, count)
  .map(([model, ...counts]) => usage(model, ...counts));
const aReport = fc
  .array(fc.option(aCall), { maxLength: 12 })
  .map((calls) => calls.reduce<MeteredUsage>(addCall, NOTHING_METERED));

describe("[R51] metered usage", () => {
  it("adds up by model, and counts calls without usage apart", () => {
    const calls = [usage("black", 1, 2, 3, 4), null, usage("green", 5), usage("black", 10, 20, 30, 40)];
    expect(calls.reduce<MeteredUsage>(addCall, NOTHING_METERED)).toEqual({
      models: [usage("black", 11, 22, 33, 44), usage("green", 5)],
      calls: 3,
      unmeteredCalls: 1,
    });
  });

  it("distinguishes a bounded number of models, and loses no token of the others", () => {
    const calls = Array.from({ length: 100 }, (_, n) => usage(`tea-${n}`, 1));
    const { models } = calls.reduce<MeteredUsage>(addCall, NOTHING_METERED);
    expect(models).toHaveLength(MAX_METERED_MODELS + 1);
    expect(models.at(-1)).toEqual(usage("other models", 100 - MAX_METERED_MODELS));
    expect(countTokens(models)).toBe(100);
  });

  test("reports that come twice, late or out of order add up to the newest one", () => {
    fc.assert(
      fc.property(fc.array(fc.option(aCall), { maxLength: 8 }), fc.infiniteStream(fc.nat()), (calls, order) => {
        const reports = calls.map((_, n) => calls.slice(0, n + 1).reduce<MeteredUsage>(addCall, NOTHING_METERED));
        const shuffled = [...reports, ...reports].toSorted(() => ((order.next().value ?? 0) % 3) - 1);
        const merged = shuffled.reduce(mergeMetered, NOTHING_METERED);
        const newest = reports.at(-1) ?? NOTHING_METERED;
        expect(new Set(merged.models)).toEqual(new Set(newest.models));
        expect([merged.calls, merged.unmeteredCalls]).toEqual([newest.calls, newest.unmeteredCalls]);
      }),
    );
  });

  test("what a report adds is never negative, and with what was there it is the report", () => {
    fc.assert(
      fc.property(aReport, aReport, (before, more) => {
        const after = sumMetered(before, more);
        const added = subtractMetered(after, before);
        expect(countTokens(added.models)).toBe(countTokens(more.models));
        for (const { model: _, ...counts } of added.models)
          for (const number of Object.values(counts)) expect(number).toBeGreaterThanOrEqual(0);
        expect(subtractMetered(after, after)).toEqual(NOTHING_METERED);
      }),
    );
  });
});

describe("[R51] the cost of tokens", () => {
  it("is exact: in parts or at once, whatever the price", () => {
    fc.assert(
      fc.property(
        fc.array(aCall, { maxLength: 20 }),
        fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(100_000_000))),
        (calls, rates) => {
          const prices = [price("*", ...rates.map((rate) => rate / 1e6))];
          const inParts = calls.reduce((cost, call) => addCost(cost, [call], prices), NO_COST);
          const exact = calls.reduce(
            (sum, { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }) =>
              [inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens].reduce(
                (all, tokens, kind) => all + BigInt(tokens) * BigInt(rates[kind] ?? 0),
                sum,
              ),
            0n,
          );
          expect(BigInt(inParts.micros) * 1_000_000n + BigInt(inParts.millionths)).toBe(exact);
          expect(addCost(NO_COST, calls, prices)).toEqual(inParts);
        },
      ),
    );
  });

  it("has each kind of token at its own price, in whole micro-dollars", () => {
    const prices = [price("claude-*", 3, 15, 0.3, 3.75)];
    expect(
      toSpent({ models: [usage("claude-tea", 1000, 100, 10_001, 40)], calls: 1, unmeteredCalls: 2 }, prices),
    ).toEqual({
      costMicros: 3000 + 1500 + 3000 + 150,
      tokens: 11_141,
      unpricedTokens: 0,
      unmeteredCalls: 2,
    });
  });

  it("is unknown for models without a price, whose tokens are counted all the same", () => {
    const metered = { models: [usage("green", 5, 6), usage("black", 1)], calls: 2, unmeteredCalls: 0 };
    expect(toSpent(metered, [price("black", 7)])).toEqual({
      costMicros: 7,
      tokens: 12,
      unpricedTokens: 11,
      unmeteredCalls: 0,
    });
  });
});
