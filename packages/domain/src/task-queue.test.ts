import type { NodeId, TaskId } from "@samovar/base";
import type { NodeStateName } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countingIds } from "./task-record.testing.ts";
import {
  comparePlaces,
  decideTurn,
  findCircle,
  freeRoom,
  rankOf,
  STALE_PLACE_MS,
  turnLookMs,
  waitedTooLong,
  waitingMessage,
} from "./task-queue.ts";
import type { Dependency, LookedAtPlace, NodeRoom } from "./task-queue.ts";

const ids = countingIds();
const TASKS: readonly TaskId[] = Array.from({ length: 8 }, () => ids.make("tsk"));
const task = (index: number): TaskId => TASKS[index] ?? ids.make("tsk");
const NODE: NodeId = ids.make("nod");

const place = (index: number, rank: number, queuedAt: number, lookedAt = 100): LookedAtPlace => ({
  taskId: task(index),
  rank,
  queuedAt,
  lookedAt,
});
const turn = (
  self: LookedAtPlace,
  line: readonly LookedAtPlace[],
  room: number,
  dependencies: readonly Dependency[] = [],
) => decideTurn({ self, line, room, dependencies, wanting: 1, stands: true, now: 100 });

describe("[R12] the line for room", () => {
  it("goes by priority, urgent first and none last, then by age", () => {
    const line = [place(0, rankOf(0), 1), place(1, rankOf(4), 9), place(2, rankOf(1), 8), place(3, rankOf(1), 7)];
    expect(line.toSorted(comparePlaces).map((each) => each.taskId)).toEqual([task(3), task(2), task(1), task(0)]);
  });

  it("a task goes when fewer stand before it than there is room", () => {
    const line = [place(0, 3, 1), place(1, 3, 2)];
    expect(turn(place(2, 3, 3), line, 3)).toEqual({ kind: "go" });
    expect(turn(place(2, 3, 3), line, 2)).toEqual({ kind: "wait", code: "room", blockedBy: [] });
    expect(turn(place(2, 1, 3), line, 1)).toEqual({ kind: "go" });
    expect(turn(place(1, 3, 2), line, 1)).toMatchObject({ kind: "wait" });
    expect(turn(place(0, 3, 1), line, 0)).toMatchObject({ kind: "wait" });
  });

  it("where more want room than there is, each takes a place before it goes", () => {
    const look = { self: place(0, 3, 1), line: [], room: 2, dependencies: [], now: 100 };
    expect(decideTurn({ ...look, wanting: 2, stands: false })).toEqual({ kind: "go" });
    expect(decideTurn({ ...look, wanting: 3, stands: false })).toEqual({ kind: "stand" });
    expect(decideTurn({ ...look, wanting: 3, stands: true })).toEqual({ kind: "go" });
    expect(decideTurn({ ...look, room: 0, wanting: 3, stands: false })).toMatchObject({ kind: "wait" });
  });

  it("[T1] a place whose run is dead blocks nobody", () => {
    const dead = { ...place(0, 1, 1), lookedAt: 0 };
    const look = { self: place(1, 3, 2), line: [dead], room: 1, dependencies: [], wanting: 2, stands: true };
    expect(decideTurn({ ...look, now: STALE_PLACE_MS })).toMatchObject({ kind: "wait" });
    expect(decideTurn({ ...look, now: STALE_PLACE_MS + 1 })).toEqual({ kind: "go" });
  });

  it("looks rarely: a day's wait takes about a hundred of them, and never sleeps beyond the deadline", () => {
    const day = 24 * 3_600_000;
    let looks = 0;
    for (let now = 0; now < day; looks++) now += turnLookMs(looks, day, now);
    expect(looks).toBeLessThan(110);
    expect(turnLookMs(20, 5000, 1000)).toBe(4000);
    expect(turnLookMs(0, 5000, 6000)).toBe(1000);
    expect(STALE_PLACE_MS).toBeGreaterThan(2 * turnLookMs(99, day, 0));
  });
});

describe("[R12] what a task depends on", () => {
  it.each([
    ["completed", { kind: "go" }],
    ["in_progress", { kind: "wait", code: "dependencies", blockedBy: [task(1)] }],
    ["draft", { kind: "wait", code: "dependencies", blockedBy: [task(1)] }],
    ["failed", { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
    ["cancelled", { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
    [null, { kind: "wait", code: "dependency_failed", blockedBy: [task(1)] }],
  ] as const)("%s", (status, expected) => {
    expect(turn(place(0, 3, 1), [], 5, [{ taskId: task(1), status }])).toEqual(expected);
  });

  it("the one that somebody must see to is named first", () => {
    const dependencies: Dependency[] = [
      { taskId: task(1), status: "queued" },
      { taskId: task(2), status: "failed" },
      { taskId: task(3), status: "completed" },
    ];
    expect(turn(place(0, 3, 1), [], 5, dependencies)).toMatchObject({ blockedBy: [task(2), task(1)] });
  });

  it("a circle is found, and named from the task back to itself", () => {
    const edges = new Map([
      [task(1), [task(3), task(2)]],
      [task(2), [task(0)]],
    ]);
    expect(findCircle(task(0), [task(1)], edges)).toEqual([task(0), task(1), task(2), task(0)]);
    expect(findCircle(task(0), [task(0)], edges)).toEqual([task(0), task(0)]);
    expect(findCircle(task(4), [task(1), task(2)], edges)).toBeNull();
  });

  it("any edges: a circle is told exactly when the task can be reached from itself", () => {
    const anyEdges = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 20 });
    fc.assert(
      fc.property(anyEdges, fc.array(fc.nat(7), { maxLength: 4 }), (pairs, wanted) => {
        const edges = new Map<TaskId, TaskId[]>();
        for (const [from, to] of pairs) edges.set(task(from), [...(edges.get(task(from)) ?? []), task(to)]);
        const dependsOn = wanted.map(task);
        edges.set(task(0), dependsOn);
        const circle = findCircle(task(0), dependsOn, edges);
        const reached = new Set<TaskId>();
        const walk = (id: TaskId): void => {
          for (const next of edges.get(id) ?? []) {
            if (reached.has(next)) continue;
            reached.add(next);
            walk(next);
          }
        };
        walk(task(0));
        expect(circle !== null).toBe(reached.has(task(0)));
        if (circle === null) return;
        for (const [at, id] of circle.entries()) {
          const next = circle[at + 1];
          if (next !== undefined) expect(edges.get(id)).toContain(next);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("[R26] free room", () => {
  const node = (state: NodeStateName, more: Partial<NodeRoom> = {}): NodeRoom => ({
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

  it("is what nodes of the size take, and what may still be made", () => {
    expect(freeRoom([], limits, 0)).toBe(12);
    expect(freeRoom([node("warm"), node("active"), node("provisioning"), node("draining")], limits, 0)).toBe(6);
    expect(freeRoom([node("destroyed"), node("destroying")], limits, 0)).toBe(9);
    const none = [
      node("active", { size: "large" }),
      node("active", { taken: 3 }),
      node("active", { unreachableSince: 0 }),
      node("active", { maxLifetimeAt: 40_000 }),
      node("active", { id: NODE }),
    ];
    expect(freeRoom(none, limits, 40_000)).toBe(0);
  });
});

describe("[T1] [N2] any run of a line", () => {
  it("gives no more than there is, in order, and everybody in the end", () => {
    const anyTask = fc.record({ priority: fc.nat(4), at: fc.nat(50) });
    fc.assert(
      fc.property(
        fc.array(anyTask, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(7), { maxLength: 60 }),
        (wanted, room, looks) => {
          const waiting = new Map(
            wanted.map(({ priority, at }, index) => [
              task(index),
              { ...place(index, rankOf(priority), at), lookedAt: 100 },
            ]),
          );
          let held = 0;
          const look = (taskId: TaskId) => {
            const self = waiting.get(taskId);
            if (self === undefined) return;
            const line = [...waiting.values()].toSorted(comparePlaces);
            if (turn(self, line, room - held).kind === "wait") return;
            // Never while as many living ones stand before it as there is room.
            expect(line.indexOf(self)).toBeLessThan(room - held);
            waiting.delete(taskId);
            held++;
            expect(held).toBeLessThanOrEqual(room);
          };
          for (const index of looks) {
            look(task(index));
            if (held === room) held--;
          }
          // The first of the line, when it looks and there is room, goes: so the line empties.
          for (let left = waiting.size; left > 0; left--) {
            held = 0;
            const [first] = [...waiting.values()].toSorted(comparePlaces);
            if (first !== undefined) look(first.taskId);
            expect(waiting.size).toBe(left - 1);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("what a person is told", () => {
  const facts = { ahead: 3, aliveNodes: 2, maxNodes: 2, blockers: [] };

  it("of a wait for room", () => {
    expect(waitingMessage("room", facts)).toBe("Waits for room: all 2 machines are busy, 3 tasks are before it.");
    expect(waitingMessage("room", { ...facts, ahead: 0, aliveNodes: 1, maxNodes: 1 })).toBe(
      "Waits for room: the machine is busy, it is next.",
    );
    expect(waitingMessage("room", { ...facts, ahead: 1, aliveNodes: 1 })).toBe("Waits for room: 1 task is before it.");
  });

  it("of a wait for other tasks", () => {
    const blockers = [
      { title: "First", status: "failed" as const },
      { title: "Second", status: "queued" as const },
    ];
    expect(waitingMessage("dependencies", { ...facts, blockers })).toBe("Waits for “First” and 1 more.");
    expect(waitingMessage("dependency_failed", { ...facts, blockers })).toMatch(
      /“First” and 1 more: that one has failed\. Try/,
    );
    expect(waitingMessage("dependency_failed", { ...facts, blockers: [{ title: null, status: null }] })).toMatch(
      /a task that is gone: that one can not be completed/,
    );
  });

  it("of a wait that was too long", () => {
    expect(waitedTooLong("room", 24 * 3_600_000)).toMatchObject({
      code: "no_room",
      message: expect.stringContaining("24 h"),
    });
    expect(waitedTooLong("dependencies", 90_000)).toMatchObject({
      code: "dependency_timeout",
      message: expect.stringContaining("2 min"),
    });
  });
});
