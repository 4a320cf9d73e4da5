import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANSWER_QUIET_MS, FOLLOW_UP_QUIET_MS, answered, beforeAnswer, noted, said, stillAtWork } from "./after-turn.ts";
import type { AfterTurn } from "./after-turn.ts";

const claude = (message: object) => ["_claude/sdkMessage", { message: { type: "system", ...message } }] as const;
const tasks = (...ids: string[]) =>
  claude({ subtype: "background_tasks_changed", tasks: ids.map((task_id) => ({ task_id })) });
const state = (word: string) => claude({ subtype: "session_state_changed", state: word });

describe("after an agent's answer", () => {
  it("without any sign of work it is over after a moment", () => {
    const at = answered(beforeAnswer, 1000);
    expect(stillAtWork(at, 0, 1000)).toEqual({ kind: "quiet", until: 1000 + ANSWER_QUIET_MS });
    expect(stillAtWork(at, 0, 1000 + ANSWER_QUIET_MS)).toEqual({ kind: "over" });
  });

  it("a tool call that runs keeps it open, and so does what is said late, for a short time", () => {
    const at = answered(beforeAnswer, 0);
    expect(stillAtWork(at, 1, 1_000_000)).toEqual({ kind: "working" });
    const late = said(at, "tool", 5000);
    expect(stillAtWork(late, 0, 5001)).toEqual({ kind: "quiet", until: 5000 + FOLLOW_UP_QUIET_MS });
    expect(said(at, "usage", 5000)).toBe(at);
    expect(said(beforeAnswer, "chunk", 5000)).toBe(beforeAnswer);
  });

  it("Claude's background task is waited for, and then its follow-up, up to its own word", () => {
    let at: AfterTurn = noted(beforeAnswer, ...state("running"), 0);
    at = noted(at, ...tasks("sleep"), 10);
    at = noted(answered(at, 20), ...state("idle"), 23);
    expect(stillAtWork(at, 0, 900)).toEqual({ kind: "working" });
    at = noted(at, ...tasks(), 1000);
    expect(stillAtWork(at, 0, 1001)).toEqual({ kind: "quiet", until: 1000 + FOLLOW_UP_QUIET_MS });
    at = said(noted(at, ...state("running"), 1070), "chunk", 1100);
    expect(stillAtWork(at, 0, 1_000_000)).toEqual({ kind: "working" });
    at = noted(at, ...state("idle"), 1200);
    expect(stillAtWork(at, 0, 1200)).toEqual({ kind: "over" });
  });

  it("housekeeping of the agent's own, and other extensions, are no work", () => {
    const ambient = claude({ subtype: "background_tasks_changed", tasks: [{ task_id: "a", ambient: true }] });
    expect(noted(beforeAnswer, ...ambient, 0)).toEqual(beforeAnswer);
    expect(
      noted(beforeAnswer, "_other/news", { message: { subtype: "background_tasks_changed", tasks: [{}] } }, 0),
    ).toBe(beforeAnswer);
  });

  it("model: when nothing more comes and nothing runs it is over within the longest quiet time", () => {
    const event = fc.oneof(
      fc.constantFrom(tasks(), tasks("a"), tasks("a", "b"), state("idle"), state("running")),
      fc.constantFrom("chunk", "tool", "usage", "answer"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 3000 }))), (events) => {
        let now = 0;
        let at = beforeAnswer;
        for (const [what, later] of events) {
          now += later;
          if (what === "answer") at = at.answeredAt === null ? answered(at, now) : at;
          else at = typeof what === "string" ? said(at, what, now) : noted(at, ...what, now);
        }
        at = answered(at, now);
        const verdict = stillAtWork(at, 0, now);
        expect(verdict.kind === "working").toBe(at.tasks > 0 || at.busy === true);
        at = noted(noted(at, ...tasks(), now), ...state("idle"), now);
        expect(stillAtWork(at, 0, now + FOLLOW_UP_QUIET_MS)).toEqual({ kind: "over" });
      }),
    );
  });
});
