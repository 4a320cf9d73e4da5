import type { RunStep, TaskEvent } from "@samovar/contracts";
import { RUN_STEPS } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getRunDurations } from "./run-durations.ts";

type RecordedEvent = Pick<TaskEvent, "at" | "kind" | "data">;
const step = (at: number, kind: TaskEvent["kind"], name: RunStep, runId = "run_1"): RecordedEvent => ({
  at,
  kind,
  data: { step: name, runId },
});
const status = (at: number, to: string): RecordedEvent => ({
  at,
  kind: "status.changed",
  data: { from: "queued", to },
});

describe("how long the steps of a run took", () => {
  it("is from each beginning to its end", () => {
    const events = [
      status(0, "queued"),
      step(1, "step.started", "choose"),
      step(31, "step.finished", "choose"),
      step(31, "step.started", "prepare"),
      step(40, "step.finished", "prepare"),
    ];
    expect(getRunDurations(events, "run_1", 99)).toEqual({ choose: 30, prepare: 9 });
  });

  it("a step that was cut off lasted until the task ended, or lasts still", () => {
    const events = [step(1, "step.started", "start")];
    expect(getRunDurations(events, "run_1", 11)).toEqual({ start: 10 });
    expect(getRunDurations([...events, status(6, "failed")], "run_1", 11)).toEqual({ start: 5 });
  });

  it("another machine's steps are added", () => {
    const events = [
      step(0, "step.started", "prepare"),
      step(5, "step.finished", "prepare"),
      step(8, "step.started", "prepare"),
      step(10, "step.finished", "prepare"),
    ];
    expect(getRunDurations(events, null, 99)).toEqual({ prepare: 7 });
  });

  it("each attempt has its own; without a name it is the newest", () => {
    const events = [
      step(0, "step.started", "choose"),
      status(4, "failed"),
      status(5, "queued"),
      step(6, "step.started", "choose", "run_2"),
      step(7, "step.finished", "choose", "run_2"),
      status(8, "failed"),
    ];
    expect(getRunDurations(events, "run_1", 99)).toEqual({ choose: 4 });
    expect(getRunDurations(events, null, 99)).toEqual({ choose: 1 });
    expect(getRunDurations([], null, 99)).toEqual({});
  });

  it("is never negative, and never more than the whole, whatever the order of events", () => {
    const anyEvents = fc.tuple(
      fc.nat(1000),
      fc.constantFrom<TaskEvent["kind"]>("step.started", "step.finished", "status.changed", "node.chosen"),
      fc.constantFrom(...RUN_STEPS),
    );
    fc.assert(
      fc.property(fc.array(anyEvents, { maxLength: 30 }), (recorded) => {
        const events = recorded.map(([at, kind, name]) => step(at, kind, name)).toSorted((a, b) => a.at - b.at);
        const [first, last] = [events[0]?.at ?? 0, 1000];
        for (const ms of Object.values(getRunDurations(events, "run_1", last))) {
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThanOrEqual(last - first);
        }
      }),
    );
  });
});
