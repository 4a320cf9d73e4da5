import { type NodeWork, nodeView, type NodeView, nodeWork, workspaceView } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import {
  getAgeShare,
  formatAge,
  formatCountdown,
  getNodeUsage,
  summarizePool,
  getCostSoFar,
  getShownNode,
} from "./node-usage.ts";

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
    runtime: null,
    taskIds: [],
    retainedTaskIds: [],
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

describe("what a node shows", () => {
  it("[R33] works while a task is at work there, is free or warm when none is", () => {
    expect(getShownNode(aNode({ retainedTaskIds: [taskNumber(1)] }))).toBe("free");
    expect(getShownNode(aNode({ taskIds: [taskNumber(1)] }))).toBe("working");
    expect(getShownNode(aNode())).toBe("free");
    expect(getShownNode(aNode({ state: "provisioning" }))).toBe("booting");
    expect(getShownNode(aNode({ state: "draining", taskIds: [taskNumber(1)] }))).toBe("draining");
  });

  it("adds up what the pool does and costs; what is not known costs nothing here", () => {
    const nodes = [
      aNode({ taskIds: [taskNumber(1)] }),
      aNode({ state: "warm" }),
      aNode({ state: "provisioning", pricePerHour: null }),
      aNode({ state: "destroying" }),
    ];
    expect(summarizePool(nodes)).toEqual({
      working: 1,
      warm: 1,
      booting: 1,
      perHour: [{ currency: "EUR", amount: "0.035700" }],
    });
  });

  it("is paid by the hour begun", () => {
    expect(getCostSoFar(aNode(), HOUR + 1)).toEqual({ currency: "EUR", amount: "0.023800" });
    expect(getCostSoFar(aNode({ pricePerHour: null }), HOUR)).toBeNull();
  });

  it("grows old up to its whole life", () => {
    expect([getAgeShare(aNode(), HOUR), getAgeShare(aNode(), 9 * HOUR), getAgeShare(aNode(), -1)]).toEqual([
      0.25, 1, 0,
    ]);
  });

  it("says times shortly", () => {
    expect([formatCountdown(252_000), formatCountdown(61), formatCountdown(-5), formatCountdown(HOUR + 1)]).toEqual([
      "4:12",
      "0:01",
      "0:00",
      "1:00:01",
    ]);
    expect([formatAge(59_000), formatAge(60_000), formatAge(HOUR), formatAge(HOUR + 240_000)]).toEqual([
      "under 1 min",
      "1 min",
      "1 h",
      "1 h 4 min",
    ]);
  });

  it("[R16] separates running tasks from retained workspaces, even if a task runs again next to its retained workspace", () => {
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
      state: "retained",
      failure: null,
      retainedUntil: HOUR,
      createdAt: 0,
      updatedAt: 0,
    });
    const both = aNode({ taskIds: [work.taskId], retainedTaskIds: [work.taskId] });
    expect(getNodeUsage(both, [work], [workspace])).toEqual({ running: [work], retained: [{ workspace, work }] });
    expect(getNodeUsage(aNode({ retainedTaskIds: [work.taskId] }), [work], [workspace]).running).toEqual([]);
  });

  it("has nothing on it that is on another", () => {
    expect(getNodeUsage(aNode(), [], [])).toEqual({ running: [], retained: [] });
  });
});
