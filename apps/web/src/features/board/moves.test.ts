/** Where a card may be brought, and what that means. */
import { TASK_STATUSES, type TaskStatus } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { aTask } from "../../api/views.testing.ts";
import { moveBeside, moveTo } from "./moves.ts";

const describeMove = (from: TaskStatus, to: TaskStatus): string => {
  const move = moveTo(aTask({ status: from }), to);
  if (move.kind === "edit") return move.status;
  return move.kind === "act" ? move.action : move.kind === "stay" ? "·" : "-";
};

describe("[R28] bringing a card to a column", () => {
  it("does what the control plane allows, and nothing else", () => {
    const table = TASK_STATUSES.map((from) => [from, ...TASK_STATUSES.map((to) => describeMove(from, to))].join(" "));
    expect(table).toEqual([
      // from      draft ready queued delegated in_progress completed failed cancelled
      "draft · ready run run run - - cancel",
      "ready draft · run run run - - cancel",
      "queued - - · - - - - cancel",
      "delegated - - - · - - - cancel",
      "in_progress - - - - · - - cancel",
      "completed - - - - - · - -",
      "failed - - retry retry retry - · -",
      "cancelled - - retry retry retry - - ·",
    ]);
  });

  it("refuses a second cancel and says why", () => {
    const task = aTask({ status: "in_progress", cancelRequested: true });
    expect(moveTo(task, "cancelled")).toEqual({ kind: "refused", why: "It's already being cancelled." });
  });
});

describe("[R28] moving by one key", () => {
  const beside = (status: TaskStatus, direction: "left" | "right") => moveBeside(aTask({ status }), direction);
  it("passes over columns that take no card", () => {
    expect(beside("draft", "right")).toMatchObject({ to: "ready" });
    expect(beside("ready", "right")).toEqual({ to: "in_progress", move: { kind: "act", action: "run" } });
    expect(beside("delegated", "right")).toEqual({ to: "cancelled", move: { kind: "act", action: "cancel" } });
    expect(beside("cancelled", "left")).toEqual({ to: "in_progress", move: { kind: "act", action: "retry" } });
  });

  it("says why when there is nowhere to go", () => {
    expect(beside("completed", "left").move).toMatchObject({ kind: "refused" });
    expect(beside("draft", "left")).toEqual({
      to: null,
      move: { kind: "refused", why: "There is no other column in that direction." },
    });
  });
});
