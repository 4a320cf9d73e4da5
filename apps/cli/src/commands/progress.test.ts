import type { NodeView, TaskEvent, TaskView, TaskWaiting } from "@samovar/contracts";
import { aNodeView, aTaskEvent, aTaskView, BUILT_AT, type TestTime, testTime } from "@samovar/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { LONG_STEP_MS, Progress } from "./progress.ts";

const node = aNodeView({ name: "samovar-one", state: "provisioning" });
const task = aTaskView({ nodeId: node.id });
const waiting = (message: string): TaskWaiting => ({ code: "capacity", message, since: 0, ahead: 1, taskIds: [] });

let time: TestTime;
let told: string[];
let seen: NodeView | null;
let progress: Progress;
let looked: Promise<unknown>;
beforeEach(() => {
  time = testTime(BUILT_AT);
  told = [];
  seen = node;
  progress = new Progress({
    tell: (line) => told.push(line),
    timers: time,
    node: () => (looked = Promise.resolve(seen)) as Promise<NodeView | null>,
  });
  looked = Promise.resolve();
});

const step = (seq: number, kind: "started" | "finished", name: string, run: TaskView = task): TaskEvent =>
  aTaskEvent({ seq, at: BUILT_AT + seq, kind: `step.${kind}`, data: { step: name, runId: run.runId } });
/** Lets a look that is due happen. */
const pass = async (ms: number) => {
  time.advance(ms);
  await looked;
  await Promise.resolve();
  await Promise.resolve();
};

describe("what a followed task waits for", () => {
  it("is told once for each change of why it stands in line", () => {
    for (const message of ["One is before it.", "One is before it.", "It is next.", "It is next."])
      progress.update({ ...task, waiting: waiting(message) }, []);
    progress.update(task, []);
    progress.update({ ...task, waiting: waiting("It is next.") }, []);
    expect(told).toEqual(["One is before it", "It is next", "It is next"]);
  });

  it("is looked into when a step takes long, and told again only when it is something else", async () => {
    progress.update(task, [step(1, "started", "prepare")]);
    await pass(LONG_STEP_MS - 1);
    expect(told).toEqual([]);
    await pass(1);
    await pass(LONG_STEP_MS);
    expect(told).toEqual(["the machine samovar-one is being made"]);
    seen = { ...node, state: "active" };
    await pass(LONG_STEP_MS);
    seen = { ...node, state: "active", unreachableSince: 5 };
    await pass(LONG_STEP_MS);
    expect(told.slice(1)).toEqual([
      "the machine is up; the repository is being cloned",
      "the machine samovar-one does not answer",
    ]);
  });

  it("is not told of a step that was quick, of the work itself, or after the end", async () => {
    const events = [step(1, "started", "prepare"), step(2, "finished", "prepare"), step(3, "started", "work")];
    progress.update(task, events.slice(0, 1));
    progress.update(task, events.slice(0, 2));
    progress.update(task, events);
    await pass(10 * LONG_STEP_MS);
    progress.update(task, [...events, step(4, "finished", "work"), step(5, "started", "start")]);
    progress.stop();
    await pass(10 * LONG_STEP_MS);
    expect(told).toEqual([]);
    expect(time.pending).toBe(0);
  });

  it("is that of this attempt, whatever an earlier one left open", async () => {
    progress.update(task, [step(1, "started", "prepare", aTaskView())]);
    expect(time.pending).toBe(0);
    progress.update(task, [step(1, "started", "prepare", aTaskView()), step(2, "started", "choose")]);
    await pass(LONG_STEP_MS);
    expect(told).toEqual(["still looking for a machine"]);
  });

  it("goes on without the machine's own word", async () => {
    seen = null;
    progress.update(task, [step(1, "started", "start")]);
    await pass(LONG_STEP_MS);
    expect(told).toEqual(["the agent is being installed or started"]);
  });
});
