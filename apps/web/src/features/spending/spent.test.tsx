import { NO_LIMIT, NOTHING_SPENT, type TaskSpending, type TaskView } from "@samovar/contracts";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { Spent } from "./spent.tsx";

const html = (spending: Partial<TaskSpending> | null, output: TaskView["output"] = null, withLimit = true) => {
  const whole = spending === null ? null : { ...NOTHING_SPENT, models: [], limit: NO_LIMIT, ...spending };
  return renderToStaticMarkup(<Spent task={{ spending: whole, output }} withLimit={withLimit} />);
};
const usd = (costMicros: number) => ({ costMicros, tokens: null });
const reported = (): TaskView["output"] => ({
  branch: null,
  commits: [],
  diffStat: null,
  summary: null,
  pullRequestUrl: null,
  warning: null,
  usage: { cost: { amount: 9.99, currency: "USD" } },
  stopReason: null,
  restarts: 0,
  bundle: null,
  durations: {},
  transcript: null,
});

describe("[R51] what a task has spent", () => {
  it("is nothing before the first model call", () => {
    expect(html(null)).toBe("");
    expect(html({ limit: usd(5) })).toBe("");
  });

  it("is shown with its limit, and with a mark from four fifths of it on", () => {
    const far = html({ costMicros: 790_000, tokens: 10, limit: usd(1_000_000) });
    expect(far).toContain("$0.79 of $1.00");
    expect(far).not.toContain("Near its limit");
    const near = html({ costMicros: 800_000, tokens: 10, limit: usd(1_000_000) });
    expect(near).toContain("Near its limit");
    expect(near).toContain("80 % of the limit is used.");
    expect(html({ costMicros: 800_000, tokens: 10, limit: usd(1_000_000) }, null, false)).not.toContain("of $1.00");
  });

  it("says that a cost is unknown rather than nothing", () => {
    expect(html({ tokens: 12_000, unpricedTokens: 12_000 })).toContain("12k tokens, cost unknown");
  });

  it("is what the gateway counted, and what the agent reports only without that", () => {
    expect(html({ costMicros: 1_000_000, tokens: 10 }, reported())).not.toContain("9.99");
    expect(html(null, reported())).toContain("$9.99");
    expect(html({}, reported())).toContain("as reported by the agent");
  });
});
