import { type NodeWork, nodeView, type NodeView, nodeWork, workspaceView } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { ageShare, ageWords, countdownWords, onNode, poolNow, priceSoFar, shownNode } from "./node-words.ts";

const HOUR = 3_600_000;
const nodeNumber = (n: number) => `nod_0000000000000000000000000${n}`;
const taskNumber = (n: number) => `tsk_0000000000000000000000000${n}`;

function aNode(fields: Readonly<Record<string, unknown>> = {}): NodeView {
  return nodeView.parse({
    id: nodeNumber(1),
    name: "samovar-1",
    provider: "hetzner",
    serverId: "1",
    size: "small",
    location: "fsn1",
    state: "active",
    version: 1,
    epoch: 1,
    warmUntil: null,
    unreachableSince: null,
    taskIds: [],
    keptTaskIds: [],
    taken: 0,
    slots: 3,
    outbox: { pending: 0, deadLetters: 0, lastDeadLetterReason: null },
    pricePerHour: { amount: "0.0119", currency: "EUR" },
    maxLifetimeAt: 4 * HOUR,
    createdAt: 0,
    destroyedAt: null,
    failure: null,
    ...fields,
  });
}

describe("what a machine shows", () => {
  it("[R33] works while a task is at work there, is free or warm when none is", () => {
    expect(shownNode(aNode({ keptTaskIds: [taskNumber(1)] }))).toBe("free");
    expect(shownNode(aNode({ taskIds: [taskNumber(1)] }))).toBe("working");
    expect(shownNode(aNode())).toBe("free");
    expect(shownNode(aNode({ state: "provisioning" }))).toBe("booting");
    expect(shownNode(aNode({ state: "draining", taskIds: [taskNumber(1)] }))).toBe("draining");
  });

  it("adds up what the pool does and costs; what is not known costs nothing here", () => {
    const nodes = [
      aNode({ taskIds: [taskNumber(1)] }),
      aNode({ state: "warm" }),
      aNode({ state: "provisioning", pricePerHour: null }),
      aNode({ state: "destroying" }),
    ];
    expect(poolNow(nodes)).toEqual({
      working: 1,
      warm: 1,
      booting: 1,
      perHour: [{ currency: "EUR", amount: "0.035700" }],
    });
  });

  it("is paid by the hour begun", () => {
    expect(priceSoFar(aNode(), HOUR + 1)).toEqual({ currency: "EUR", amount: "0.023800" });
    expect(priceSoFar(aNode({ pricePerHour: null }), HOUR)).toBeNull();
  });

  it("grows old up to its whole life", () => {
    expect([ageShare(aNode(), HOUR), ageShare(aNode(), 9 * HOUR), ageShare(aNode(), -1)]).toEqual([0.25, 1, 0]);
  });

  it("says times shortly", () => {
    expect([countdownWords(252_000), countdownWords(61), countdownWords(-5), countdownWords(HOUR + 1)]).toEqual([
      "4:12",
      "0:01",
      "0:00",
      "1:00:01",
    ]);
    expect([ageWords(59_000), ageWords(60_000), ageWords(HOUR), ageWords(HOUR + 240_000)]).toEqual([
      "under 1 min",
      "1 min",
      "1 h",
      "1 h 4 min",
    ]);
  });

  it("[R16] tells what works from what is kept, also of one task that is tried again beside its kept workspace", () => {
    const work: NodeWork = nodeWork.parse({
      nodeId: nodeNumber(1),
      taskId: taskNumber(1),
      projectId: "prj_00000000000000000000000001",
      sessionId: "ses_00000000000000000000000001",
      title: "Boil",
      status: "in_progress",
      cancelRequested: false,
    });
    const workspace = workspaceView.parse({
      id: "wsp_00000000000000000000000001",
      projectId: work.projectId,
      sessionId: work.sessionId,
      taskId: work.taskId,
      nodeId: work.nodeId,
      branch: null,
      agent: null,
      state: "kept",
      failure: null,
      keepUntil: HOUR,
      createdAt: 0,
      updatedAt: 0,
    });
    const both = aNode({ taskIds: [work.taskId], keptTaskIds: [work.taskId] });
    expect(onNode(both, [work], [workspace])).toEqual({ running: [work], kept: [{ workspace, work }] });
    expect(onNode(aNode({ keptTaskIds: [work.taskId] }), [work], [workspace]).running).toEqual([]);
  });

  it("has nothing on it that is on another", () => {
    expect(onNode(aNode(), [], [])).toEqual({ running: [], kept: [] });
  });
});
