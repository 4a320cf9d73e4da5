import type { MeteredUsage, SessionBudget, SessionLimit } from "@samovar/contracts";
import { describe, expect, it, test } from "vitest";
import {
  findReachedLimit,
  formatCount,
  formatMicros,
  getDayEnd,
  getTaskLimit,
  getUsedShare,
  isReached,
  toBudgetFailure,
  toDay,
} from "./budget.ts";

const NO_LIMIT = { costMicros: null, tokens: null };
const usd = (costMicros: number) => ({ costMicros, tokens: null });
const prices = [{ pattern: "tea", input: 1, output: 1, cacheRead: 1, cacheWrite: 1 }];
const metered = (tokens: number, model = "tea"): MeteredUsage => ({
  models: [{ model, inputTokens: tokens, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }],
  calls: 1,
  unmeteredCalls: 0,
});
const limited = (...limits: readonly Partial<SessionLimit>[]): SessionBudget => ({
  prices,
  limits: limits.map((each) => ({
    scope: "task",
    limit: usd(100),
    spent: { costMicros: 0, tokens: 0 },
    until: null,
    ...each,
  })),
});

describe("[security 39] a limit on spending", () => {
  it("is reached when nothing of it is left, by cost or by tokens", () => {
    expect(isReached(usd(100), { costMicros: 99, tokens: 1e9 })).toBe(false);
    expect(isReached(usd(100), { costMicros: 100, tokens: 0 })).toBe(true);
    expect(isReached({ costMicros: 100, tokens: 5 }, { costMicros: 0, tokens: 5 })).toBe(true);
    expect(isReached(NO_LIMIT, { costMicros: 1e15, tokens: 1e15 })).toBe(false);
  });

  it("counts what was spent before the session", () => {
    const budget = limited({ spent: { costMicros: 60, tokens: 0 } });
    expect(findReachedLimit(budget, metered(39), 0)).toBeNull();
    expect(findReachedLimit(budget, metered(40), 0)).toEqual({
      scope: "task",
      limit: usd(100),
      spent: { costMicros: 100, tokens: 40 },
    });
  });

  it("of a day holds until that day ends", () => {
    const budget = limited({ scope: "project_day", until: 1000 });
    expect(findReachedLimit(budget, metered(100), 999)).toMatchObject({ scope: "project_day" });
    expect(findReachedLimit(budget, metered(100), 1000)).toBeNull();
  });

  it("in USD does not stop a model without a price; one in tokens does", () => {
    expect(findReachedLimit(limited({}), metered(1e9, "unknown"), 0)).toBeNull();
    expect(
      findReachedLimit(limited({ limit: { costMicros: null, tokens: 7 } }), metered(7, "unknown"), 0),
    ).not.toBeNull();
  });

  it("of a task is its own, else its project's, else the installation's; its own may be none", () => {
    const [project, installation] = [{ task: usd(2) }, { task: usd(3) }];
    expect(getTaskLimit(usd(1), project, installation)).toEqual(usd(1));
    expect(getTaskLimit(null, project, installation)).toEqual(usd(2));
    expect(getTaskLimit(null, { task: null }, installation)).toEqual(usd(3));
    expect(getTaskLimit(NO_LIMIT, project, installation)).toEqual(NO_LIMIT);
  });

  it("ends a run with a sentence that names the limit, what was spent, and where to raise it", () => {
    const spent = { costMicros: 1_204_000, tokens: 12 };
    expect(toBudgetFailure({ scope: "task", limit: usd(1_000_000), spent })).toEqual({
      code: "budget_exceeded",
      message:
        "This task has spent $1.20 of its limit of $1.00. The agent was stopped; its work is kept in the workspace. Raise the task's limit (on its page, or with samovar budget task), then retry it.",
    });
    const { message } = toBudgetFailure({ scope: "installation_day", limit: { costMicros: null, tokens: 10 }, spent });
    expect(message).toContain("All projects together have spent 12 tokens of today's limit of 10.");
    expect(message).toContain("Settings → Budget");
  });

  it("is used by the larger of its shares", () => {
    expect(getUsedShare({ costMicros: 100, tokens: 10 }, { costMicros: 50, tokens: 8 })).toBe(0.8);
    expect(getUsedShare(NO_LIMIT, { costMicros: 50, tokens: 8 })).toBeNull();
  });
});

test("[R51] days are those of UTC", () => {
  const at = Date.parse("2026-11-30T23:59:59.999Z");
  expect([toDay(at), getDayEnd(at)]).toEqual(["2026-11-30", at + 1]);
  expect([toDay(at + 1), getDayEnd(at + 1)]).toEqual(["2026-12-01", at + 1 + 86_400_000]);
});

test.each([
  [0, "$0.00"],
  [1, "less than $0.0001"],
  [100, "$0.0001"],
  [12_300, "$0.0123"],
  [40_000, "$0.04"],
  [420_000, "$0.42"],
  [1_234_567, "$1.23"],
  [20_000_000, "$20.00"],
])("%d micro-dollars are shown as %s", (micros, text) => expect(formatMicros(micros)).toBe(text));

test.each([
  [999, "999"],
  [1000, "1k"],
  [12_345, "12.3k"],
  [999_949, "999.9k"],
  [999_950, "1M"],
  [2_500_000, "2.5M"],
  [3e9, "3B"],
])("%d is shown as %s", (value, text) => expect(formatCount(value)).toBe(text));
