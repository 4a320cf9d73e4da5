import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advancePlan, planView, startPlan } from "./plan.ts";
import type { Step } from "./step.ts";

const step = fc.constantFrom<Step>(
  { kind: "say", text: "hm" },
  { kind: "write", path: "a", text: "" },
  { kind: "sh", command: "ls", timeoutMs: null, onFailure: "stop", ask: false },
);
const entry = fc.record({ content: fc.string(), done: fc.boolean() });

describe("a plan", () => {
  it("only ever ticks forward, has one entry under way, and is done when the steps are", () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1 }), fc.array(step, { minLength: 1 }), (entries, steps) => {
        let plan = startPlan(entries, steps);
        let ticked = -1;
        for (const next of [null, ...steps]) {
          if (next !== null) plan = advancePlan(plan, next, steps);
          const view = planView(plan);
          const done = view.filter((shown) => shown.status === "completed").length;
          expect(done).toBeGreaterThanOrEqual(ticked);
          expect(view.filter((shown) => shown.status === "in_progress")).toHaveLength(done === entries.length ? 0 : 1);
          ticked = done;
        }
        expect(ticked).toBe(entries.length);
      }),
    );
  });

  it("ticks an entry a command when there are as many", () => {
    const steps: Step[] = [
      { kind: "say", text: "hm" },
      { kind: "write", path: "a", text: "" },
      { kind: "write", path: "b", text: "" },
    ];
    const entries = [
      { content: "a", done: false },
      { content: "b", done: false },
    ];
    let plan = startPlan(entries, steps);
    const seen = steps.map((next) =>
      planView((plan = advancePlan(plan, next, steps)))
        .map((shown) => shown.status)
        .join(),
    );
    expect(seen).toEqual(["in_progress,pending", "completed,in_progress", "completed,completed"]);
  });
});
