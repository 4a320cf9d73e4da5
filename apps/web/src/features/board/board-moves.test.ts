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
  let told = tasks;
  const asked: Asked[] = [];
  const ask = (what: string) =>
    new Promise<TaskView>((answer, refuse) => {
      asked.push({ what, answer, refuse });
    });
  const moves = createBoardMoves({
    tasks: () => told,
    accept: (task) => (told = told.map((each) => (each.id === task.id ? task : each))),
    edit: (_, patch) => ask(JSON.stringify(patch)),
    act: (_, action) => ask(action),
    explain: (error) => ({ text: String(error instanceof Error ? error.message : error), settingsPath: null }),
  });
  const shown = () => withPending(told, moves.store.getState().pending).map(({ status }) => status);
  const said = () => moves.store.getState().said.text;
  return { moves, asked, shown, said, now: () => moves.store.getState() };
}

/** Lets promises that are settled be heard. */
const heard = () => new Promise((resolve) => setImmediate(resolve));

describe("[R28] a move", () => {
  it("shows at once, says where, and can be undone", async () => {
    const draft = aTask({ status: "draft", title: "Fix login" });
    const { moves, asked, shown, said, now } = aBoard(draft, aTask({ status: "ready", createdAt: 1 }));
    moves.move(draft.id, "ready");
    expect(shown()).toEqual(["ready", "ready"]);
    expect(said()).toBe("“Fix login” moved to Ready, 2 of 2");
    await heard();
    asked[0]?.answer({ ...draft, status: "ready", version: 2 });
    await heard();
    now().notice?.action?.run();
    expect(shown()).toEqual(["draft", "ready"]);
    expect(now().notice).toBeNull();
    await heard();
    expect(asked.map(({ what }) => what)).toEqual(['{"status":"ready"}', '{"status":"draft"}']);
  });

  it("goes back when it is refused, with what to do", async () => {
    const ready = aTask({ status: "ready", title: "Fix login" });
    const { moves, asked, shown, now } = aBoard(ready);
    moves.move(ready.id, "in_progress");
    expect(shown()).toEqual(["queued"]);
    await heard();
    asked[0]?.refuse(new Error("Store an API key first."));
    await heard();
    expect(shown()).toEqual(["ready"]);
    expect(now().notice).toMatchObject({
      tone: "fault",
      text: "“Fix login” is back where it was. Store an API key first.",
    });
  });

  it("sets a failed task aside, tells it, and takes it back at a word", async () => {
    const failed = aTask({ status: "failed", title: "Fix login" });
    const { moves, asked, said, now } = aBoard(failed, aTask({ status: "completed", title: "Done" }));
    moves.setAside(failed.id, true);
    expect(said()).toBe("“Fix login” is set aside: it needs nobody any more");
    await heard();
    asked[0]?.answer({ ...failed, setAside: true, version: 2 });
    await heard();
    now().notice?.action?.run();
    expect(said()).toBe("“Fix login” needs somebody again");
    expect(now().notice).toBeNull();
    await heard();
    expect(asked.map(({ what }) => what)).toEqual(["set-aside", "take-up"]);
  });

  it("of a running task to Cancelled asks first", async () => {
    const running = aTask({ status: "in_progress" });
    const { moves, asked, now, said } = aBoard(running);
    moves.move(running.id, "cancelled");
    expect(now().asking).toBe(running.id);
    moves.answer(false);
    await heard();
    expect(asked).toEqual([]);
    moves.moveBeside(running.id, "right");
    moves.answer(true);
    await heard();
    expect(asked.map(({ what }) => what)).toEqual(["cancel"]);
    expect(said()).toContain("is being cancelled");
  });

  it("is not sent while there is no connection", async () => {
    const draft = aTask({ status: "draft" });
    const { moves, asked, shown, now } = aBoard(draft);
    moves.know({ search: {}, offline: true });
    moves.move(draft.id, "ready");
    await heard();
    expect([asked, shown()]).toEqual([[], ["draft"]]);
    expect(now().notice?.text).toContain("no connection");
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
    await heard();
    expect(asked.map(({ what }) => what)).toEqual(['{"priority":4}']);
    asked[0]?.answer({ ...task, priority: 4, version: 2 });
    await heard();
    expect(withPending([{ ...task, priority: 4, version: 2 }], now().pending)[0]?.priority).toBe(3);
    expect(asked.map(({ what }) => what)).toEqual(['{"priority":4}', '{"priority":3}']);
  });

  it("of a task that runs stay as they are", () => {
    const running = aTask({ status: "in_progress", title: "Fix login" });
    const { moves, now } = aBoard(running);
    moves.prioritise(running.id, "up");
    expect(now().notice?.text).toBe("“Fix login” stays: Its priority counts only before it runs.");
  });
});
