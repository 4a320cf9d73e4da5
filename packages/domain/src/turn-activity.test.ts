import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANSWER_GRACE_MS,
  FOLLOW_UP_GRACE_MS,
  recordAnswer,
  initialActivity,
  recordNotification,
  recordUpdate,
  getWorkState,
} from "./turn-activity.ts";
import type { TurnActivity } from "./turn-activity.ts";

const claude = (message: object) => ["_claude/sdkMessage", { message: { type: "system", ...message } }] as const;
const tasks = (...ids: string[]) =>
  claude({ subtype: "background_tasks_changed", tasks: ids.map((task_id) => ({ task_id })) });
const state = (word: string) => claude({ subtype: "session_state_changed", state: word });

describe("after an agent's answer", () => {
  it("without any sign of work it is over after a moment", () => {
    const at = recordAnswer(initialActivity, 1000);
    expect(getWorkState(at, 0, 1000)).toEqual({ kind: "grace", until: 1000 + ANSWER_GRACE_MS });
    expect(getWorkState(at, 0, 1000 + ANSWER_GRACE_MS)).toEqual({ kind: "over" });
  });

  it("a tool call that runs keeps it open, and so does what is recordUpdate late, for a short time", () => {
    const at = recordAnswer(initialActivity, 0);
    expect(getWorkState(at, 1, 1_000_000)).toEqual({ kind: "working" });
    const late = recordUpdate(at, "tool", 5000);
    expect(getWorkState(late, 0, 5001)).toEqual({ kind: "grace", until: 5000 + FOLLOW_UP_GRACE_MS });
    expect(recordUpdate(at, "usage", 5000)).toBe(at);
    expect(recordUpdate(initialActivity, "chunk", 5000)).toBe(initialActivity);
  });

  it("Claude's background task is waited for, and then its follow-up, up to its own word", () => {
    let at: TurnActivity = recordNotification(initialActivity, ...state("running"), 0);
    at = recordNotification(at, ...tasks("sleep"), 10);
    at = recordNotification(recordAnswer(at, 20), ...state("idle"), 23);
    expect(getWorkState(at, 0, 900)).toEqual({ kind: "working" });
    at = recordNotification(at, ...tasks(), 1000);
    expect(getWorkState(at, 0, 1001)).toEqual({ kind: "grace", until: 1000 + FOLLOW_UP_GRACE_MS });
    at = recordUpdate(recordNotification(at, ...state("running"), 1070), "chunk", 1100);
    expect(getWorkState(at, 0, 1_000_000)).toEqual({ kind: "working" });
    at = recordNotification(at, ...state("idle"), 1200);
    expect(getWorkState(at, 0, 1200)).toEqual({ kind: "over" });
  });

  it("housekeeping of the agent's own, and other extensions, are no work", () => {
    const ambient = claude({ subtype: "background_tasks_changed", tasks: [{ task_id: "a", ambient: true }] });
    expect(recordNotification(initialActivity, ...ambient, 0)).toEqual(initialActivity);
    expect(
      recordNotification(
        initialActivity,
        "_other/news",
        { message: { subtype: "background_tasks_changed", tasks: [{}] } },
        0,
      ),
    ).toBe(initialActivity);
  });

  it("model: when nothing more comes and nothing runs it is over within the longest quiet time", () => {
    const event = fc.oneof(
      fc.constantFrom(tasks(), tasks("a"), tasks("a", "b"), state("idle"), state("running")),
      fc.constantFrom("chunk", "tool", "usage", "answer"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.integer({ min: 0, max: 3000 }))), (events) => {
        let now = 0;
        let at = initialActivity;
        for (const [what, later] of events) {
          now += later;
          if (what === "answer") at = at.answeredAt === null ? recordAnswer(at, now) : at;
          else at = typeof what === "string" ? recordUpdate(at, what, now) : recordNotification(at, ...what, now);
        }
        at = recordAnswer(at, now);
        const outcome = getWorkState(at, 0, now);
        expect(outcome.kind === "working").toBe(at.tasks > 0 || at.busy === true);
        at = recordNotification(recordNotification(at, ...tasks(), now), ...state("idle"), now);
        expect(getWorkState(at, 0, now + FOLLOW_UP_GRACE_MS)).toEqual({ kind: "over" });
      }),
    );
  });
});
