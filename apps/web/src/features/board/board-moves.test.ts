/** Moves show at once, are sent in their turn, and go back when they are refused. */
import type { TaskView } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { aTask } from "../../api/views.testing.ts";
import { createBoardMoves } from "./board-moves.ts";
import { withPending } from "./pending.ts";

interface Asked {
  readonly what: string;
  readonly answer: (task: TaskView) => void;
  readonly refuse: (error: Error) => void;
}

/** A server that answers when the test says so. */
function aBoard(...tasks: TaskView[]) {
  let stored = tasks;
  const asked: Asked[] = [];
  const ask = (what: string) =>
    new Promise<TaskView>((answer, refuse) => {
      asked.push({ what, answer, refuse });
    });
  const moves = createBoardMoves({
    tasks: () => stored,
    accept: (task) => (stored = stored.map((each) => (each.id === task.id ? task : each))),
    edit: (_, patch) => ask(JSON.stringify(patch)),
    act: (_, action) => ask(action),
    explain: (error) => ({ text: String(error instanceof Error ? error.message : error), settingsPath: null }),
  });
  const shown = () => withPending(stored, moves.store.getState().pending).map(({ status }) => status);
  const announced = () => moves.store.getState().announcement.text;
  return { moves, asked, shown, announced, now: () => moves.store.getState() };
}

/** Runs the continuations of settled promises. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("[R28] a move", () => {
  it("shows at once, says where, and can be undone", async () => {
    const draft = aTask({ status: "draft", title: "Fix login" });
    const { moves, asked, shown, announced, now } = aBoard(draft, aTask({ status: "ready", createdAt: 1 }));
    moves.move(draft.id, "ready");
    expect(shown()).toEqual(["ready", "ready"]);
    expect(announced()).toBe("“Fix login” moved to Ready, 2 of 2");
    await settle();
    asked[0]?.answer({ ...draft, status: "ready", version: 2 });
    await settle();
    now().notice?.action?.run();
    expect(shown()).toEqual(["draft", "ready"]);
    expect(now().notice).toBeNull();
    await settle();
    expect(asked.map(({ what }) => what)).toEqual(['{"status":"ready"}', '{"status":"draft"}']);
  });

  it("goes back when it is refused, with what to do", async () => {
    const ready = aTask({ status: "ready", title: "Fix login" });
    const { moves, asked, shown, now } = aBoard(ready);
    moves.move(ready.id, "in_progress");
    expect(shown()).toEqual(["queued"]);
    await settle();
    asked[0]?.refuse(new Error("Store an API key first."));
    await settle();
    expect(shown()).toEqual(["ready"]);
    expect(now().notice).toMatchObject({
      tone: "fault",
      text: "The change to “Fix login” was undone. Store an API key first.",
    });
  });

  it("acknowledges a failed task, announces it, and can undo it", async () => {
    const failed = aTask({ status: "failed", title: "Fix login" });
    const { moves, asked, announced, now } = aBoard(failed, aTask({ status: "completed", title: "Done" }));
    moves.acknowledge(failed.id, true);
    expect(announced()).toBe("Acknowledged “Fix login”: no longer needs attention");
    await settle();
    asked[0]?.answer({ ...failed, acknowledged: true, version: 2 });
    await settle();
    now().notice?.action?.run();
    expect(announced()).toBe("“Fix login” needs attention again");
    expect(now().notice).toBeNull();
    await settle();
    expect(asked.map(({ what }) => what)).toEqual(["acknowledge", "unacknowledge"]);
  });

  it("of a running task to Cancelled asks first", async () => {
    const running = aTask({ status: "in_progress" });
    const { moves, asked, now, announced } = aBoard(running);
    moves.move(running.id, "cancelled");
    expect(now().asking).toBe(running.id);
    moves.answer(false);
    await settle();
    expect(asked).toEqual([]);
    moves.moveBeside(running.id, "right");
    moves.answer(true);
    await settle();
    expect(asked.map(({ what }) => what)).toEqual(["cancel"]);
    expect(announced()).toContain("is being cancelled");
  });

  it("is not sent while there is no connection", async () => {
    const draft = aTask({ status: "draft" });
    const { moves, asked, shown, now } = aBoard(draft);
    moves.setContext({ search: {}, offline: true });
    moves.move(draft.id, "ready");
    await settle();
    expect([asked, shown()]).toEqual([[], ["draft"]]);
    expect(now().notice?.text).toContain("offline");
  });
});

describe("[R28] priorities", () => {
  it("pressed in quick succession are sent one after the other and never flicker back", async () => {
    const task = aTask({ status: "ready", priority: 0 });
    const { moves, asked, now } = aBoard(task);
    const shown = () => withPending([task], now().pending)[0]?.priority;
    moves.prioritise(task.id, "up");
    moves.prioritise(task.id, "up");
    expect(shown()).toBe(3);
    await settle();
    expect(asked.map(({ what }) => what)).toEqual(['{"priority":4}']);
    asked[0]?.answer({ ...task, priority: 4, version: 2 });
    await settle();
    expect(withPending([{ ...task, priority: 4, version: 2 }], now().pending)[0]?.priority).toBe(3);
    expect(asked.map(({ what }) => what)).toEqual(['{"priority":4}', '{"priority":3}']);
  });

  it("of a task that runs stay as they are", () => {
    const running = aTask({ status: "in_progress", title: "Fix login" });
    const { moves, now } = aBoard(running);
    moves.prioritise(running.id, "up");
    expect(now().notice?.text).toBe("Couldn't change “Fix login”. Priority only matters before a task runs.");
  });
});
