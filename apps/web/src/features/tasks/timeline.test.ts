import { describe, expect, it } from "vitest";
import { anEvent, aTask } from "../../api/views.testing.ts";
import { getStartupTime, toTimeline } from "./timeline.ts";

const started = (seq: number, step: string, at: number) => anEvent(seq, "step.started", at, { step });
const finished = (seq: number, step: string, at: number) => anEvent(seq, "step.finished", at, { step });
const queued = (seq: number, at: number) => anEvent(seq, "status.changed", at, { from: "draft", to: "queued" });
const coldStart = [
  anEvent(1, "task.created", 0),
  queued(2, 0),
  started(3, "choose", 100),
  finished(4, "choose", 3100),
  started(5, "prepare", 3200),
];

describe("the start-up timeline", () => {
  it("is empty before a task was ever run", () => {
    expect(toTimeline([anEvent(1, "task.created", 0)], aTask({ status: "draft" }))).toEqual([]);
  });

  it("shows what goes on without an end", () => {
    expect(toTimeline(coldStart, aTask({ status: "delegated" }))).toEqual([
      { id: "queued", started: 0, finished: 100 },
      { id: "choose", started: 100, finished: 3100 },
      { id: "prepare", started: 3200, finished: null },
    ]);
    expect(toTimeline(coldStart.slice(0, 2), aTask())).toEqual([{ id: "queued", started: 0, finished: null }]);
  });

  it("closes what was going on when the task finished", () => {
    expect(toTimeline(coldStart, aTask({ status: "failed", endedAt: 9000 })).at(-1)).toEqual({
      id: "prepare",
      started: 3200,
      finished: 9000,
    });
  });

  it("continues the same attempt on another node", () => {
    const lost = [
      ...coldStart,
      finished(6, "prepare", 5000),
      anEvent(7, "status.changed", 5000, { from: "delegated", to: "queued" }),
      started(8, "choose", 5100),
    ];
    expect(toTimeline(lost, aTask())).toEqual([
      { id: "queued", started: 0, finished: 100 },
      { id: "choose", started: 100, finished: null },
      { id: "prepare", started: 3200, finished: 5000 },
    ]);
  });

  it("shows the latest attempt only", () => {
    const again = [...coldStart, queued(6, 50_000), started(7, "choose", 50_010)];
    expect(toTimeline(again, aTask({ attempt: 2 }))).toEqual([
      { id: "queued", started: 50_000, finished: 50_010 },
      { id: "choose", started: 50_010, finished: null },
    ]);
  });

  it("marks a step whose start was delayed on a busy node, also after it has finished", () => {
    const delayed = [
      ...coldStart,
      finished(6, "prepare", 4000),
      started(7, "start", 4000),
      anEvent(8, "warning.raised", 7100, { code: "start_delayed", step: "start", message: "The machine is busy." }),
    ];
    expect(toTimeline(delayed, aTask({ status: "delegated" })).at(-1)).toEqual({
      id: "start",
      started: 4000,
      finished: null,
      isDelayed: true,
    });
    const over = [...delayed, finished(9, "start", 9000)];
    expect(toTimeline(over, aTask({ status: "in_progress" })).at(-1)).toEqual({
      id: "start",
      started: 4000,
      finished: 9000,
      isDelayed: true,
    });
    const other = [...coldStart, anEvent(6, "warning.raised", 4000, { code: "node_lost", step: "prepare" })];
    expect(toTimeline(other, aTask({ status: "delegated" })).some((step) => step.isDelayed === true)).toBe(false);
  });

  it("passes over a step that it does not know and one that begins twice", () => {
    const odd = [...coldStart, started(6, "prepare", 4000), started(7, "polish", 4100)];
    expect(toTimeline(odd, aTask({ status: "delegated" })).map((step) => [step.id, step.started])).toEqual([
      ["queued", 0],
      ["choose", 100],
      ["prepare", 3200],
    ]);
  });

  it("gives the time to the agent's first sign", () => {
    expect(getStartupTime(toTimeline(coldStart, aTask()))).toBeNull();
    const working = [
      ...coldStart,
      finished(6, "prepare", 4000),
      started(7, "start", 4000),
      finished(8, "start", 5600),
      started(9, "work", 5600),
    ];
    expect(getStartupTime(toTimeline(working, aTask({ status: "in_progress" })))).toBe(5600);
  });
});
