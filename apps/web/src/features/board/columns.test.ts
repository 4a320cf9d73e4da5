/** Columns, their order, their filter, and the steps between cards. */
import { expect, it } from "vitest";
import { aTask } from "../../api/views.testing.ts";
import { toColumns, filterTasks, findPlace } from "./columns.ts";
import { findNeighbour, findReplacement } from "./card-steps.ts";

const statuses = (tasks: Parameters<typeof toColumns>[0]) => toColumns(tasks).map(({ status }) => status);

it("[R28] six columns always, those that tasks pass through while they hold cards", () => {
  expect(statuses([])).toEqual(["draft", "ready", "in_progress", "completed", "failed", "cancelled"]);
  expect(statuses([aTask({ status: "queued" })])).toContain("queued");
  expect(statuses([aTask({ status: "delegated" })])).toContain("delegated");
});

it("[R28] cards stand by priority, then by age; what ended, the latest first", () => {
  const [none, low, urgent, older] = [
    aTask({ status: "ready", createdAt: 1 }),
    aTask({ status: "ready", priority: 4, createdAt: 2 }),
    aTask({ status: "ready", priority: 1, createdAt: 4 }),
    aTask({ status: "ready", priority: 4, createdAt: 1 }),
  ];
  const ready = toColumns([none, low, urgent, older]).find(({ status }) => status === "ready");
  expect(ready?.tasks).toEqual([urgent, older, low, none]);
  const [first, last] = [aTask({ status: "completed", endedAt: 5 }), aTask({ status: "completed", endedAt: 9 })];
  expect(toColumns([first, last]).find(({ status }) => status === "completed")?.tasks).toEqual([last, first]);
});

it("[R28] the filter wants every word, in title or text, and the priority", () => {
  const kettle = aTask({ title: "Fix the kettle", description: "It whistles", priority: 2 });
  const tea = aTask({ title: "Brew tea", description: "In the kettle" });
  expect(filterTasks([kettle, tea], { filter: " KETTLE " })).toEqual([kettle, tea]);
  expect(filterTasks([kettle, tea], { filter: "kettle whistles" })).toEqual([kettle]);
  expect(filterTasks([kettle, tea], { filter: "kettle", priority: 0 })).toEqual([tea]);
});

it("a card's position counts from one", () => {
  const tasks = [aTask({ status: "ready", createdAt: 1 }), aTask({ status: "ready", createdAt: 2 })];
  expect(findPlace(toColumns(tasks), tasks[1]?.id ?? "")).toEqual({ word: "Ready", at: "2 of 2" });
  expect(findPlace(toColumns(tasks), "elsewhere")).toBeNull();
});

it("arrows go along a column, and over to the same row of the next filled one", () => {
  const [a, b, c] = [
    aTask({ status: "draft", createdAt: 1 }),
    aTask({ status: "draft", createdAt: 2 }),
    aTask({ status: "failed" }),
  ];
  const columns = toColumns([a, b, c]);
  expect(findNeighbour(columns, null, "down")).toBe(a.id);
  expect(findNeighbour(columns, a.id, "down")).toBe(b.id);
  expect(findNeighbour(columns, b.id, "down")).toBeNull();
  expect(findNeighbour(columns, b.id, "right")).toBe(c.id);
  expect(findNeighbour(columns, c.id, "left")).toBe(a.id);
});

it("the neighbour takes the place of a card that is gone", () => {
  const [a, b, c] = [1, 2, 3].map((createdAt) => aTask({ status: "draft", createdAt }));
  const all = [a, b, c].flatMap((task) => task ?? []);
  const without = (id: string | undefined) => toColumns(all.filter((task) => task.id !== id));
  expect(b && findReplacement(toColumns(all), without(b.id), b.id)).toBe(c?.id);
  expect(c && findReplacement(toColumns(all), without(c.id), c.id)).toBe(b?.id);
});
