import { expect, it } from "vitest";
import { sortProjects } from "./sort-projects.ts";

const project = (
  name: string,
  running: number,
  attention: number,
  updatedAt: number,
  lastActivityAt: number | null = null,
) => ({ name, counts: { running, attention }, updatedAt, lastActivityAt });

it("[R33] projects that need attention come first, then running ones, then the most recently active", () => {
  const ordered = sortProjects([
    project("old", 0, 0, 1),
    project("new", 0, 0, 9),
    project("active", 0, 0, 1, 10),
    project("runs", 3, 0, 2),
    project("needs", 0, 1, 1),
    project("needs and runs", 1, 1, 1),
  ]);
  expect(ordered.map(({ name }) => name)).toEqual(["needs and runs", "needs", "runs", "active", "new", "old"]);
});
