import { expect, it } from "vitest";
import { createFrameBatch } from "./frame-batch.ts";

function batching() {
  const due: (() => void)[] = [];
  const commits: (readonly number[])[] = [];
  const batch = createFrameBatch<number>(
    (run) => {
      due.push(run);
      return () => due.splice(due.indexOf(run), 1);
    },
    (items) => commits.push(items),
  );
  return { batch, commits, due, frame: () => due.shift()?.() };
}

it("commits once a frame what came since, in order", () => {
  const { batch, commits, due, frame } = batching();
  batch.add(1);
  batch.add(2);
  expect(due).toHaveLength(1);
  frame();
  batch.add(3);
  frame();
  expect(commits).toEqual([[1, 2], [3]]);
});

it("can be emptied before the frame, and then needs none", () => {
  const { batch, commits, due } = batching();
  batch.add(1);
  batch.flush();
  batch.flush();
  expect(commits).toEqual([[1]]);
  expect(due).toEqual([]);
});

it("commits nothing after it was stopped", () => {
  const { batch, commits, due } = batching();
  batch.add(1);
  batch.stop();
  batch.add(2);
  expect(due).toEqual([]);
  expect(commits).toEqual([]);
});
