import { describe, expect, it } from "vitest";
import { anEvent, aTask } from "../../api/views.testing.ts";
import { getStartupTime, toTimeline } from "./timeline.ts";

const began = (seq: number, step: string, at: number) => anEvent(seq, "step.began", at, { step });
const ended = (seq: number, step: string, at: number) => anEvent(seq, "step.ended", at, { step });
const queued = (seq: number, at: number) => anEvent(seq, "status.changed", at, { from: "draft", to: "queued" });
const coldStart = [
  anEvent(1, "task.created", 0),
  queued(2, 0),
  began(3, "choose", 100),
  ended(4, "choose", 3100),
  began(5, "prepare", 3200),
];

describe("the start-up timeline", () => {
  it("is empty before a task was ever run", () => {
    expect(toTimeline([anEvent(1, "task.created", 0)], aTask({ status: "draft" }))).toEqual([]);
  });

  it("shows what goes on without an end", () => {
    expect(toTimeline(coldStart, aTask({ status: "delegated" }))).toEqual([
      { id: "queued", began: 0, ended: 100 },
      { id: "choose", began: 100, ended: 3100 },
      { id: "prepare", began: 3200, ended: null },
    ]);
    expect(toTimeline(coldStart.slice(0, 2), aTask())).toEqual([{ id: "queued", began: 0, ended: null }]);
  });

  it("closes what was going on when the task ended", () => {
    expect(toTimeline(coldStart, aTask({ status: "failed", endedAt: 9000 })).at(-1)).toEqual({
      id: "prepare",
      began: 3200,
      ended: 9000,
    });
  });

  it("continues the same attempt on another node", () => {
    const lost = [
      ...coldStart,
      ended(6, "prepare", 5000),
      anEvent(7, "status.changed", 5000, { from: "delegated", to: "queued" }),
      began(8, "choose", 5100),
    ];
    expect(toTimeline(lost, aTask())).toEqual([
      { id: "queued", began: 0, ended: 100 },
      { id: "choose", began: 100, ended: null },
      { id: "prepare", began: 3200, ended: 5000 },
    ]);
  });

  it("shows the latest attempt only", () => {
    const again = [...coldStart, queued(6, 50_000), began(7, "choose", 50_010)];
    expect(toTimeline(again, aTask({ attempt: 2 }))).toEqual([
      { id: "queued", began: 50_000, ended: 50_010 },
      { id: "choose", began: 50_010, ended: null },
    ]);
  });

  it("marks a step whose start was delayed on a busy node, also after it has ended", () => {
    const delayed = [
      ...coldStart,
      ended(6, "prepare", 4000),
      began(7, "start", 4000),
      anEvent(8, "warning.raised", 7100, { code: "start_delayed", step: "start", message: "The machine is busy." }),
    ];
    expect(toTimeline(delayed, aTask({ status: "delegated" })).at(-1)).toEqual({
      id: "start",
      began: 4000,
      ended: null,
      isDelayed: true,
    });
    const started = [...delayed, ended(9, "start", 9000)];
    expect(toTimeline(started, aTask({ status: "in_progress" })).at(-1)).toEqual({
      id: "start",
      began: 4000,
      ended: 9000,
      isDelayed: true,
    });
    const other = [...coldStart, anEvent(6, "warning.raised", 4000, { code: "node_lost", step: "prepare" })];
    expect(toTimeline(other, aTask({ status: "delegated" })).some((step) => step.isDelayed === true)).toBe(false);
  });

  it("passes over a step that it does not know and one that begins twice", () => {
    const odd = [...coldStart, began(6, "prepare", 4000), began(7, "polish", 4100)];
    expect(toTimeline(odd, aTask({ status: "delegated" })).map((step) => [step.id, step.began])).toEqual([
      ["queued", 0],
      ["choose", 100],
      ["prepare", 3200],
    ]);
  });

  it("gives the time to the agent's first sign", () => {
    expect(getStartupTime(toTimeline(coldStart, aTask()))).toBeNull();
    const working = [
      ...coldStart,
      ended(6, "prepare", 4000),
      began(7, "start", 4000),
      ended(8, "start", 5600),
      began(9, "work", 5600),
    ];
    expect(getStartupTime(toTimeline(working, aTask({ status: "in_progress" })))).toBe(5600);
  });
});
