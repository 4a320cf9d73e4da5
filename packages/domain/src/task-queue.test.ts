import type { NodeId, TaskId } from "@samovar/base";
import type { NodeStateName } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countingIds } from "./task-record.testing.ts";
import {
  compareEntries,
  decideDequeue,
  findCycle,
  countAvailableSlots,
  toRank,
  STALE_ENTRY_MS,
  getQueuePollMs,
  toQueueTimeout,
  formatWaiting,
} from "./task-queue.ts";
import type { Dependency, PolledQueueEntry, NodeCapacity } from "./task-queue.ts";

const ids = countingIds();
const TASKS: readonly TaskId[] = Array.from({ length: 8 }, () => ids.make("tsk"));
const task = (index: number): TaskId => TASKS[index] ?? ids.make("tsk");
const NODE: NodeId = ids.make("nod");

const entry = (index: number, rank: number, queuedAt: number, polledAt = 100): PolledQueueEntry => ({
  taskId: task(index),
  rank,
  queuedAt,
  polledAt,
});
const decide = (
  self: PolledQueueEntry,
  queue: readonly PolledQueueEntry[],
  availableSlots: number,
  dependencies: readonly Dependency[] = [],
  isBudgetUsed = false,
) =>
  decideDequeue({
    self,
    queue,
    availableSlots,
    dependencies,
    isBudgetUsed,
    queuedTasks: 1,
    isEnqueued: true,
    now: 100,
  });

describe("[R12] the queue for slots", () => {
  it("is ordered by priority, urgent first and none last, then by age", () => {
    const queue = [entry(0, toRank(0), 1), entry(1, toRank(4), 9), entry(2, toRank(1), 8), entry(3, toRank(1), 7)];
    expect(queue.toSorted(compareEntries).map((each) => each.taskId)).toEqual([task(3), task(2), task(1), task(0)]);
  });

  it("dequeues a task when fewer tasks are ahead of it than there are slots", () => {
    const queue = [entry(0, 3, 1), entry(1, 3, 2)];
    expect(decide(entry(2, 3, 3), queue, 3)).toEqual({ kind: "dequeue" });
    expect(decide(entry(2, 3, 3), queue, 2)).toEqual({ kind: "wait", code: "capacity", blockedBy: [] });
    expect(decide(entry(2, 1, 3), queue, 1)).toEqual({ kind: "dequeue" });
    expect(decide(entry(1, 3, 2), queue, 1)).toMatchObject({ kind: "wait" });
    expect(decide(entry(0, 3, 1), queue, 0)).toMatchObject({ kind: "wait" });
  });

  it("enqueues each task first when more tasks want a slot than there are", () => {
    const facts = {
      self: entry(0, 3, 1),
      queue: [],
      availableSlots: 2,
      dependencies: [],
      isBudgetUsed: false,
      now: 100,
    };
    expect(decideDequeue({ ...facts, queuedTasks: 2, isEnqueued: false })).toEqual({ kind: "dequeue" });
    expect(decideDequeue({ ...facts, queuedTasks: 3, isEnqueued: false })).toEqual({ kind: "enqueue" });
    expect(decideDequeue({ ...facts, queuedTasks: 3, isEnqueued: true })).toEqual({ kind: "dequeue" });
    expect(decideDequeue({ ...facts, availableSlots: 0, queuedTasks: 3, isEnqueued: false })).toMatchObject({
      kind: "wait",
    });
  });

  it("[R51] keeps a task waiting while the budget of its day is used, but first for its dependencies", () => {
    expect(decide(entry(0, 1, 1), [], 9, [], true)).toEqual({ kind: "wait", code: "budget", blockedBy: [] });
    const unfinished = [{ taskId: task(1), status: "queued" as const }];
    expect(decide(entry(0, 1, 1), [], 9, unfinished, true)).toMatchObject({ code: "dependencies" });
  });

  it("[T1] ignores an entry whose run is dead", () => {
    const dead = { ...entry(0, 1, 1), polledAt: 0 };
    const facts = {
      self: entry(1, 3, 2),
      queue: [dead],
      availableSlots: 1,
      dependencies: [],
      isBudgetUsed: false,
      queuedTasks: 2,
      isEnqueued: true,
    };
    expect(decideDequeue({ ...facts, now: STALE_ENTRY_MS })).toMatchObject({ kind: "wait" });
    expect(decideDequeue({ ...facts, now: STALE_ENTRY_MS + 1 })).toEqual({ kind: "dequeue" });
  });

  it("polls about a hundred times in a day's wait, and never waits past the deadline", () => {
    const day = 24 * 3_600_000;
    let polls = 0;
    for (let now = 0; now < day; polls++) now += getQueuePollMs(polls, day, now);
    expect(polls).toBeLessThan(110);
    expect(getQueuePollMs(20, 5000, 1000)).toBe(4000);
    expect(getQueuePollMs(0, 5000, 6000)).toBe(1000);
    expect(STALE_ENTRY_MS).toBeGreaterThan(2 * getQueuePollMs(99, day, 0));
  });
});

describe("[R12] a task's dependencies", () => {
  it.each([
    ["completed", { kind: "dequeue" }],
    ["in_progress", { kind: "wait", code: "dependencies", blockedBy: [task(1)] }],
    ["draft", { kind: "wait", code: "dependencies", blockedBy: [task(1)] }],
    ["failed", { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
    ["cancelled", { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
    [null, { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
  ] as const)("%s", (status, expected) => {
    expect(decide(entry(0, 3, 1), [], 5, [{ taskId: task(1), status }])).toEqual(expected);
  });

  it("name the one that needs a person first", () => {
    const dependencies: Dependency[] = [
      { taskId: task(1), status: "queued" },
      { taskId: task(2), status: "failed" },
      { taskId: task(3), status: "completed" },
    ];
    expect(decide(entry(0, 3, 1), [], 5, dependencies)).toMatchObject({ blockedBy: [task(2), task(1)] });
  });

  it("report a cycle as the path from the task back to itself", () => {
    const edges = new Map([
      [task(1), [task(3), task(2)]],
      [task(2), [task(0)]],
    ]);
    expect(findCycle(task(0), [task(1)], edges)).toEqual([task(0), task(1), task(2), task(0)]);
    expect(findCycle(task(0), [task(0)], edges)).toEqual([task(0), task(0)]);
    expect(findCycle(task(4), [task(1), task(2)], edges)).toBeNull();
  });

  it("report a cycle exactly when the task can be reached from itself, for any edges", () => {
    const anyEdges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 20 });
    fc.assert(
      fc.property(anyEdges, fc.array(fc.nat(7), { maxLength: 4 }), (pairs, wanted) => {
        const edges = new Map<TaskId, TaskId[]>();
        for (const [from, to] of pairs) edges.set(task(from), [...(edges.get(task(from)) ?? []), task(to)]);
        const dependsOn = wanted.map(task);
        edges.set(task(0), dependsOn);
        const cycle = findCycle(task(0), dependsOn, edges);
        const reached = new Set<TaskId>();
        const walk = (id: TaskId): void => {
          for (const next of edges.get(id) ?? []) {
            if (reached.has(next)) continue;
            reached.add(next);
            walk(next);
          }
        };
        walk(task(0));
        expect(cycle !== null).toBe(reached.has(task(0)));
        if (cycle === null) return;
        for (const [at, id] of cycle.entries()) {
          const next = cycle[at + 1];
          if (next !== undefined) expect(edges.get(id)).toContain(next);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("[R26] available slots", () => {
  const node = (state: NodeStateName, more: Partial<NodeCapacity> = {}): NodeCapacity => ({
    id: ids.make("nod"),
    size: "small",
    state,
    slots: 3,
    taken: 1,
    unreachableSince: null,
    maxLifetimeAt: 1e9,
    ...more,
  });
  const limits = { size: "small" as const, maxNodes: 4, slotsPerNode: 3, avoid: [NODE] };

  it("are the free slots of nodes of the size plus those of nodes that may still be created", () => {
    expect(countAvailableSlots([], limits, 0)).toBe(12);
    expect(countAvailableSlots([node("warm"), node("active"), node("provisioning"), node("draining")], limits, 0)).toBe(
      6,
    );
    expect(countAvailableSlots([node("destroyed"), node("destroying")], limits, 0)).toBe(9);
    const none = [
      node("active", { size: "large" }),
      node("active", { taken: 3 }),
      node("active", { unreachableSince: 0 }),
      node("active", { maxLifetimeAt: 40_000 }),
      node("active", { id: NODE }),
    ];
    expect(countAvailableSlots(none, limits, 40_000)).toBe(0);
  });
});

describe("[T1] [N2] any history of a queue", () => {
  it("grants no more slots than there are, in order, and serves every task in the end", () => {
    const anyTask = fc.record({ priority: fc.nat(4), at: fc.nat(50) });
    fc.assert(
      fc.property(
        fc.array(anyTask, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(7), { maxLength: 60 }),
        (wanted, slots, polls) => {
          const waiting = new Map(
            wanted.map(({ priority, at }, index) => [
              task(index),
              { ...entry(index, toRank(priority), at), polledAt: 100 },
            ]),
          );
          let held = 0;
          const poll = (taskId: TaskId) => {
            const self = waiting.get(taskId);
            if (self === undefined) return;
            const queue = [...waiting.values()].toSorted(compareEntries);
            if (decide(self, queue, slots - held).kind === "wait") return;
            // Never while the tasks ahead of it need all available slots.
            expect(queue.indexOf(self)).toBeLessThan(slots - held);
            waiting.delete(taskId);
            held++;
            expect(held).toBeLessThanOrEqual(slots);
          };
          for (const index of polls) {
            poll(task(index));
            if (held === slots) held--;
          }
          // The first in the queue gets a slot when it polls and one is available, so the queue empties.
          for (let left = waiting.size; left > 0; left--) {
            held = 0;
            const [first] = [...waiting.values()].toSorted(compareEntries);
            if (first !== undefined) poll(first.taskId);
            expect(waiting.size).toBe(left - 1);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("the message for a person", () => {
  const facts = { ahead: 3, aliveNodes: 2, maxNodes: 2, blockers: [], reached: null };

  it("[R51] explains a wait for the budget of the day, with what was spent", () => {
    const limit = { costMicros: 5_000_000, tokens: null };
    const reached = { scope: "project_day", limit, spent: { costMicros: 5_120_000, tokens: 9 } } as const;
    expect(formatWaiting("budget", { ...facts, reached })).toBe(
      "Waits: today's budget is used up. This project has spent $5.12 of today's limit of $5.00. It starts when the UTC day ends or the limit is raised.",
    );
    expect(formatWaiting("budget", facts)).toBe("Waits for today's budget.");
    expect(toQueueTimeout("budget", 24 * 3_600_000)).toMatchObject({ code: "budget_exceeded" });
  });

  it("explains a wait for a slot", () => {
    expect(formatWaiting("capacity", facts)).toBe("Waits for a slot: all 2 nodes are busy, 3 tasks are ahead of it.");
    expect(formatWaiting("capacity", { ...facts, ahead: 0, aliveNodes: 1, maxNodes: 1 })).toBe(
      "Waits for a slot: the node is busy, it is next.",
    );
    expect(formatWaiting("capacity", { ...facts, ahead: 1, aliveNodes: 1 })).toBe(
      "Waits for a slot: 1 task is ahead of it.",
    );
  });

  it("explains a wait for other tasks", () => {
    const blockers = [
      { title: "First", status: "failed" as const },
      { title: "Second", status: "queued" as const },
    ];
    expect(formatWaiting("dependencies", { ...facts, blockers })).toBe("Waits for “First” and 1 more.");
    expect(formatWaiting("dependency_failed", { ...facts, blockers })).toMatch(
      /“First” and 1 more: it has failed\. Retry/,
    );
    expect(formatWaiting("dependency_failed", { ...facts, blockers: [{ title: null, status: null }] })).toMatch(
      /a deleted task: it cannot be completed/,
    );
  });

  it("explains a wait that was too long", () => {
    expect(toQueueTimeout("capacity", 24 * 3_600_000)).toMatchObject({
      code: "no_capacity",
      message: expect.stringContaining("24 h"),
    });
    expect(toQueueTimeout("dependencies", 90_000)).toMatchObject({
      code: "dependency_timeout",
      message: expect.stringContaining("2 min"),
    });
  });
});
