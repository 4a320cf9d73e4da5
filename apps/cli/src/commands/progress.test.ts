import type { NodeView, TaskEvent, TaskView, TaskWaiting } from "@samovar/contracts";
import { aNodeView, aTaskEvent, aTaskView, BUILT_AT, type TestTime, testTime } from "@samovar/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { LONG_STEP_MS, Progress } from "./progress.ts";

const node = aNodeView({ name: "samovar-one", state: "provisioning" });
const task = aTaskView({ nodeId: node.id });
const waiting = (message: string): TaskWaiting => ({ code: "capacity", message, since: 0, ahead: 1, taskIds: [] });

let time: TestTime;
let reported: string[];
let seen: NodeView | null;
let progress: Progress;
let looked: Promise<unknown>;
beforeEach(() => {
  time = testTime(BUILT_AT);
  reported = [];
  seen = node;
  progress = new Progress({
    report: (line) => reported.push(line),
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

describe("the progress of a followed task", () => {
  it("reports each change of the queue position once", () => {
    for (const message of ["One is before it.", "One is before it.", "It is next.", "It is next."])
      progress.update({ ...task, waiting: waiting(message) }, []);
    progress.update(task, []);
    progress.update({ ...task, waiting: waiting("It is next.") }, []);
    expect(reported).toEqual(["One is before it", "It is next", "It is next"]);
  });

  it("polls a long step, and reports it again only when something has changed", async () => {
    progress.update(task, [step(1, "started", "prepare")]);
    await pass(LONG_STEP_MS - 1);
    expect(reported).toEqual([]);
    await pass(1);
    await pass(LONG_STEP_MS);
    expect(reported).toEqual(["node samovar-one is being provisioned"]);
    seen = { ...node, state: "active" };
    await pass(LONG_STEP_MS);
    seen = { ...node, state: "active", unreachableSince: 5 };
    await pass(LONG_STEP_MS);
    expect(reported.slice(1)).toEqual(["the node is up; cloning the repository", "node samovar-one is unreachable"]);
  });

  it("reports nothing for a quick step, during the work itself, or after the end", async () => {
    const events = [step(1, "started", "prepare"), step(2, "finished", "prepare"), step(3, "started", "work")];
    progress.update(task, events.slice(0, 1));
    progress.update(task, events.slice(0, 2));
    progress.update(task, events);
    await pass(10 * LONG_STEP_MS);
    progress.update(task, [...events, step(4, "finished", "work"), step(5, "started", "start")]);
    progress.stop();
    await pass(10 * LONG_STEP_MS);
    expect(reported).toEqual([]);
    expect(time.pending).toBe(0);
  });

  it("ignores steps that an earlier attempt left open", async () => {
    progress.update(task, [step(1, "started", "prepare", aTaskView())]);
    expect(time.pending).toBe(0);
    progress.update(task, [step(1, "started", "prepare", aTaskView()), step(2, "started", "choose")]);
    await pass(LONG_STEP_MS);
    expect(reported).toEqual(["still choosing a node"]);
  });

  it("goes on when the node cannot be read", async () => {
    seen = null;
    progress.update(task, [step(1, "started", "start")]);
    await pass(LONG_STEP_MS);
    expect(reported).toEqual(["installing or starting the agent"]);
  });
});
