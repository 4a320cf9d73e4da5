import type { MessageId, NodeId, RunId, SessionId, WorkspaceId } from "@samovar/base";
import type { TaskStatus } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { A_DRAFT, anOutput, countingIds } from "./task-record.testing.ts";
import { formatActor, changeTask, isRunning, isTerminal } from "./task-status.ts";
import type { TaskActor, TaskChange, TaskRecord } from "./task-status.ts";

const ids = countingIds();

const USER: TaskActor = { kind: "user", id: ids.make("usr") };
const SWEEP: TaskActor = { kind: "sweep" };
const RUNS: readonly RunId[] = [ids.make("run"), ids.make("run"), ids.make("run")];
const SESSIONS: readonly SessionId[] = [ids.make("ses"), ids.make("ses"), ids.make("ses")];
const NODE: NodeId = ids.make("nod");
const WORKSPACE: WorkspaceId = ids.make("wsp");
const MESSAGE: MessageId = ids.messageId();
const OUTPUT = anOutput({ commits: [{ sha: "abc", subject: "Done" }] });
const FAILURE = { code: "why", message: "It did not work." };

const run = (index: number): TaskActor => ({ kind: "run", id: RUNS[index] ?? ids.make("run") });
const queue = (index: number): TaskChange => ({ kind: "queue", runId: RUNS[index] ?? ids.make("run") });

function after(...steps: readonly (readonly [TaskChange, TaskActor])[]): TaskRecord {
  return steps.reduce((task, [change, actor], index) => {
    const result = changeTask(task, change, actor, index + 2);
    if (!result.ok) throw new Error(result.error.message);
    return result.value.task;
  }, A_DRAFT);
}

const DELEGATE: TaskChange = { kind: "delegate", nodeId: NODE, workspaceId: WORKSPACE };
const REQUEUE: TaskChange = { kind: "requeue", reason: "The machine is silent." };
const START: TaskChange = { kind: "start" };
const COMPLETE: TaskChange = { kind: "complete", output: OUTPUT };
const FAIL: TaskChange = { kind: "fail", failure: FAILURE, output: null };
const STOP: TaskChange = { kind: "stop", failure: FAILURE, output: null };
const CANCEL: TaskChange = { kind: "cancel", reason: "changed my mind" };

const working = () => after([queue(0), USER], [DELEGATE, run(0)], [START, run(0)]);

describe("a task's way", () => {
  it("goes from draft to completed", () => {
    const task = after([queue(0), USER], [DELEGATE, run(0)], [START, run(0)], [COMPLETE, run(0)]);
    expect(task).toMatchObject({
      status: "completed",
      attempt: 1,
      startedAt: 4,
      endedAt: 5,
      branch: "task/1",
      version: 5,
    });
  });

  it("[F46] a completion and a failure of the same run leave one ending", () => {
    const task = after([queue(0), USER], [DELEGATE, run(0)], [START, run(0)], [COMPLETE, run(0)]);
    expect(changeTask(task, FAIL, run(0), 9)).toMatchObject({ ok: false, error: { code: "wrong_status" } });
    expect(changeTask(task, STOP, run(0), 9)).toMatchObject({ ok: false, error: { code: "wrong_status" } });
  });

  it("[F13] a change that is made again changes nothing", () => {
    const task = working();
    expect(changeTask(task, START, run(0), 9)).toEqual({ ok: true, value: { task, changed: false, events: [] } });
  });

  it("a cancel of running work is a request; the run says when it has stopped", () => {
    const asked = after([queue(0), USER], [CANCEL, USER]);
    expect(asked).toMatchObject({ status: "queued", cancelRequested: true });
    const stopped = changeTask(asked, STOP, run(0), 9);
    expect(stopped).toMatchObject({ ok: true, value: { task: { status: "cancelled", endedAt: 9 } } });
  });

  it("a cancel of a draft takes effect at once", () => {
    expect(after([CANCEL, USER])).toMatchObject({ status: "cancelled", cancelRequested: false });
  });

  it("a failed task is acknowledged and unacknowledged; another attempt is not acknowledged", () => {
    const aside = { kind: "acknowledge", acknowledged: true } as const;
    const failed = after([queue(0), USER], [FAIL, run(0)], [aside, USER]);
    expect(failed).toMatchObject({ status: "failed", acknowledged: true });
    expect(changeTask(failed, { ...aside, acknowledged: false }, USER, 9)).toMatchObject({
      ok: true,
      value: { task: { acknowledged: false }, events: [{ kind: "attention.changed", data: { acknowledged: false } }] },
    });
    const sessionId = SESSIONS[1] ?? failed.sessionId;
    const retry = { kind: "retry", runId: RUNS[1] ?? ids.make("run"), sessionId, promptMessageId: MESSAGE } as const;
    expect(changeTask(failed, retry, USER, 9)).toMatchObject({ ok: true, value: { task: { acknowledged: false } } });
  });

  it("another attempt starts clean in a new session, and the old run can no longer change the task", () => {
    const failed = after([queue(0), USER], [DELEGATE, run(0)], [FAIL, run(0)]);
    const sessionId = SESSIONS[1] ?? failed.sessionId;
    const again = changeTask(
      failed,
      { kind: "retry", runId: RUNS[1] ?? ids.make("run"), sessionId, promptMessageId: MESSAGE },
      USER,
      9,
    );
    expect(again).toMatchObject({
      ok: true,
      value: {
        task: {
          status: "queued",
          attempt: 2,
          sessionId,
          nodeId: null,
          workspaceId: null,
          failure: null,
          endedAt: null,
        },
      },
    });
    if (!again.ok) return;
    expect(changeTask(again.value.task, FAIL, run(0), 10)).toMatchObject({ ok: false, error: { code: "stale_run" } });
  });

  it("what is running can not be edited", () => {
    const edit: TaskChange = { kind: "edit", fields: { title: "Another" } };
    expect(changeTask(working(), edit, USER, 9)).toMatchObject({ ok: false, error: { code: "wrong_status" } });
  });

  it("[T1] a machine lost before the agent had the prompt: back in line, with no machine", () => {
    const task = after([queue(0), USER], [DELEGATE, run(0)], [REQUEUE, run(0)]);
    expect(task).toMatchObject({ status: "queued", nodeId: null, workspaceId: null, attempt: 1 });
    expect(changeTask(working(), REQUEUE, run(0), 9)).toMatchObject({ ok: false, error: { code: "wrong_status" } });
  });

  it("[R12] in line its priority may change and what it waits for may become less, nothing else", () => {
    const [first, second, third] = [ids.make("tsk"), ids.make("tsk"), ids.make("tsk")];
    const waiting = after([{ kind: "edit", fields: { dependsOn: [first, second] } }, USER], [queue(0), USER]);
    const edit = (fields: Extract<TaskChange, { kind: "edit" }>["fields"]) =>
      changeTask(waiting, { kind: "edit", fields }, USER, 9);
    expect(edit({ priority: 1, dependsOn: [second] })).toMatchObject({
      ok: true,
      value: { task: { priority: 1, dependsOn: [second], status: "queued" } },
    });
    for (const refused of [{ dependsOn: [third] }, { title: "Another" }, { priority: 1, description: "Other" }]) {
      expect(edit(refused)).toMatchObject({ ok: false, error: { code: "wrong_status" } });
    }
    expect(changeTask(waiting, { kind: "edit", fields: { priority: 1 }, status: "draft" }, USER, 9).ok).toBe(false);
  });

  it("an edit names its fields and moves between draft and ready", () => {
    const result = changeTask(A_DRAFT, { kind: "edit", fields: { title: "Another" }, status: "ready" }, USER, 9);
    expect(result).toMatchObject({
      ok: true,
      value: {
        task: { title: "Another", status: "ready" },
        events: [
          { kind: "task.edited", data: { fields: ["title"] } },
          { kind: "status.changed", data: { from: "draft", to: "ready" } },
        ],
      },
    });
  });

  it("a warning in the output is recorded as a separate event", () => {
    const warned: TaskChange = { kind: "complete", output: { ...OUTPUT, warning: "not pushed" } };
    const result = changeTask(working(), warned, run(0), 9);
    expect(result.ok && result.value.events.map((event) => event.kind)).toEqual([
      "output.recorded",
      "warning.raised",
      "status.changed",
    ]);
  });

  it.each([
    [queue(0), SWEEP],
    [COMPLETE, USER],
    [CANCEL, run(0)],
    [START, SWEEP],
  ] as const)("a change by the wrong actor is refused: %o by %o", (change, actor) => {
    const task = { ...working(), runId: RUNS[0] ?? null };
    expect(changeTask(task, change, actor, 9)).toMatchObject({ ok: false, error: { code: "not_yours" } });
  });
});

it("actors have names", () => {
  expect([USER, run(0), SWEEP].map(formatActor)).toEqual([
    expect.stringMatching(/^user:usr_/),
    expect.stringMatching(/^run:run_/),
    "sweep",
  ]);
});

/** A plain model: which status may follow which, whoever asks. */
const FOLLOWS: Record<TaskStatus, readonly TaskStatus[]> = {
  draft: ["ready", "queued", "cancelled"],
  ready: ["draft", "queued", "cancelled"],
  queued: ["delegated", "failed", "cancelled"],
  delegated: ["queued", "in_progress", "failed", "cancelled"],
  in_progress: ["completed", "failed", "cancelled"],
  completed: [],
  failed: ["queued"],
  cancelled: ["queued"],
};

const anyChange: fc.Arbitrary<TaskChange> = fc.oneof(
  fc.record({
    kind: fc.constant("edit" as const),
    fields: fc.record({ title: fc.constantFrom("A task", "Another") }, { requiredKeys: [] }),
    status: fc.constantFrom("draft" as const, "ready" as const, undefined),
  }),
  fc.nat(2).map(queue),
  fc.nat(2).map((index): TaskChange => ({
    kind: "retry",
    runId: RUNS[index] ?? ids.make("run"),
    sessionId: SESSIONS[index] ?? ids.make("ses"),
    promptMessageId: MESSAGE,
  })),
  fc.constantFrom<TaskChange>(CANCEL, DELEGATE, REQUEUE, START, COMPLETE, FAIL, STOP, {
    kind: "name_branch",
    branch: "task/1-2",
  }),
);
const anyActor: fc.Arbitrary<TaskActor> = fc.oneof(fc.constant(USER), fc.constant(SWEEP), fc.nat(2).map(run));

describe("[T1] any sequence of changes", () => {
  it("follows the model, one version and one status event at a time", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyChange, anyActor), { maxLength: 40 }), (steps) => {
        let task = A_DRAFT;
        for (const [index, [change, actor]] of steps.entries()) {
          const now = index + 2;
          const before = structuredClone(task);
          const result = changeTask(task, change, actor, now);
          expect(task).toEqual(before);
          if (!result.ok) continue;
          const { task: next, changed, events } = result.value;
          if (!changed) {
            expect(next).toBe(task);
            expect(events).toEqual([]);
            continue;
          }
          expect(next.version).toBe(task.version + 1);
          expect(next.updatedAt).toBe(now);
          const moves = events.filter((event) => event.kind === "status.changed");
          if (next.status === task.status) expect(moves).toEqual([]);
          else {
            expect(FOLLOWS[task.status]).toContain(next.status);
            expect(moves).toEqual([
              {
                kind: "status.changed",
                data: { from: task.status, to: next.status, reason: moves[0]?.data["reason"] },
              },
            ]);
          }
          if (actor.kind === "run") expect(task.runId).toBe(actor.id);
          expect(next.endedAt !== null).toBe(isTerminal(next.status));
          expect(isRunning(next.status) ? next.runId : "any").not.toBeNull();
          if (next.status === "in_progress" || next.status === "completed") expect(next.startedAt).not.toBeNull();
          if (next.status === "failed") expect(next.failure).not.toBeNull();
          expect(changeTask(next, change, actor, now + 1)).toMatchObject({ ok: true, value: { changed: false } });
          task = next;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
