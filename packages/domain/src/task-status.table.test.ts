/** Every change of a task in every status by every actor: what follows, or why not. Written out, so that it can be read. */
import type { TaskStatus } from "@samovar/contracts";
import { TASK_STATUSES } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { A_DRAFT, anOutput, countingIds } from "./task-record.testing.ts";
import { changeTask, isTerminal } from "./task-status.ts";
import type { TaskActor, TaskChange, TaskChangeKind, TaskRecord } from "./task-status.ts";

const ids = countingIds();
const [RUN, OTHER_RUN, NEW_RUN] = [ids.make("run"), ids.make("run"), ids.make("run")];
const [nodeId, workspaceId, promptMessageId] = [ids.make("nod"), ids.make("wsp"), ids.messageId()];

const ACTORS = {
  user: { kind: "user", id: ids.make("usr") },
  run: { kind: "run", id: RUN },
  "another run": { kind: "run", id: OTHER_RUN },
  sweep: { kind: "sweep" },
} as const satisfies Record<string, TaskActor>;
type ActorName = keyof typeof ACTORS;

const failure = { code: "why", message: "It did not work." };
const output = anOutput();

const CHANGES = {
  "edit the title": { kind: "edit", fields: { title: "Another" } },
  "edit to ready": { kind: "edit", fields: {}, status: "ready" },
  "edit the priority": { kind: "edit", fields: { priority: 1 } },
  "edit the limit": { kind: "edit", fields: { budget: { costMicros: 1, tokens: null } } },
  queue: { kind: "queue", runId: NEW_RUN },
  retry: { kind: "retry", runId: NEW_RUN, sessionId: ids.make("ses"), promptMessageId },
  cancel: { kind: "cancel", reason: "changed my mind" },
  acknowledge: { kind: "acknowledge", acknowledged: true },
  unacknowledge: { kind: "acknowledge", acknowledged: false },
  delegate: { kind: "delegate", nodeId, workspaceId },
  "delegate elsewhere": { kind: "delegate", nodeId, workspaceId: ids.make("wsp") },
  requeue: { kind: "requeue", reason: "its machine was lost" },
  "name the branch": { kind: "name_branch", branch: "task/1-2" },
  start: { kind: "start" },
  complete: { kind: "complete", output },
  fail: { kind: "fail", failure, output: null },
  stop: { kind: "stop", failure, output: null },
} as const satisfies Record<string, TaskChange>;
type ChangeName = keyof typeof CHANGES;

/** A status: goes there. `same`: stays, but changes. `done`: was done before. `no`: not from here. `not ours`: no run has it. */
type Outcome = TaskStatus | "same" | "done" | "no" | "not ours";

/** In order: draft, ready, queued, delegated, in_progress, completed, failed, cancelled. */
const TABLE: Record<ChangeName, { readonly by: readonly ActorName[]; readonly outcomes: readonly Outcome[] }> = {
  "edit the title": { by: ["user"], outcomes: ["same", "same", "no", "no", "no", "no", "no", "no"] },
  "edit to ready": { by: ["user"], outcomes: ["ready", "done", "no", "no", "no", "no", "no", "no"] },
  "edit the priority": { by: ["user"], outcomes: ["same", "same", "same", "no", "no", "no", "no", "no"] },
  "edit the limit": { by: ["user"], outcomes: ["same", "same", "same", "no", "no", "no", "same", "same"] },
  queue: { by: ["user"], outcomes: ["queued", "queued", "no", "no", "no", "no", "no", "no"] },
  retry: { by: ["user"], outcomes: ["no", "no", "no", "no", "no", "no", "queued", "queued"] },
  cancel: { by: ["user"], outcomes: ["cancelled", "cancelled", "same", "same", "same", "no", "no", "done"] },
  acknowledge: { by: ["user"], outcomes: ["no", "no", "no", "no", "no", "no", "same", "no"] },
  unacknowledge: { by: ["user"], outcomes: ["no", "no", "no", "no", "no", "no", "done", "no"] },
  delegate: { by: ["run"], outcomes: ["not ours", "not ours", "delegated", "done", "done", "no", "no", "no"] },
  "delegate elsewhere": { by: ["run"], outcomes: ["not ours", "not ours", "delegated", "no", "no", "no", "no", "no"] },
  requeue: { by: ["run"], outcomes: ["not ours", "not ours", "done", "queued", "no", "no", "no", "no"] },
  "name the branch": { by: ["run"], outcomes: ["not ours", "not ours", "no", "same", "same", "no", "no", "no"] },
  start: { by: ["run"], outcomes: ["not ours", "not ours", "no", "in_progress", "done", "no", "no", "no"] },
  complete: { by: ["run"], outcomes: ["not ours", "not ours", "no", "no", "completed", "done", "no", "no"] },
  fail: { by: ["run", "sweep"], outcomes: ["not ours", "not ours", "failed", "failed", "failed", "no", "done", "no"] },
  stop: {
    by: ["run"],
    outcomes: ["not ours", "not ours", "cancelled", "cancelled", "cancelled", "no", "no", "done"],
  },
};

/** How a task comes into each status, by the changes that lead there. */
const WAY: Record<TaskStatus, readonly (readonly [ChangeName | "run it", ActorName])[]> = {
  draft: [],
  ready: [["edit to ready", "user"]],
  queued: [["run it", "user"]],
  delegated: [
    ["run it", "user"],
    ["delegate", "run"],
  ],
  in_progress: [
    ["run it", "user"],
    ["delegate", "run"],
    ["start", "run"],
  ],
  completed: [
    ["run it", "user"],
    ["delegate", "run"],
    ["start", "run"],
    ["complete", "run"],
  ],
  failed: [
    ["run it", "user"],
    ["fail", "run"],
  ],
  cancelled: [
    ["run it", "user"],
    ["stop", "run"],
  ],
};

function taskThatIs(status: TaskStatus): TaskRecord {
  return WAY[status].reduce((task, [name, actor], index) => {
    const change: TaskChange = name === "run it" ? { kind: "queue", runId: RUN } : CHANGES[name];
    const result = changeTask(task, change, ACTORS[actor], index + 2);
    if (!result.ok) throw new Error(result.error.message);
    return result.value.task;
  }, A_DRAFT);
}

/** What the table says, for this actor. */
function expected(change: ChangeName, status: TaskStatus, actor: ActorName): Outcome | "not theirs" {
  const { by, outcomes } = TABLE[change];
  const outcome = outcomes[TASK_STATUSES.indexOf(status)] ?? "no";
  if (by.includes(actor)) return outcome === "not ours" && actor === "sweep" ? "no" : outcome;
  return actor === "another run" && by.includes("run") ? "not ours" : "not theirs";
}

function seen(task: TaskRecord, change: TaskChange, actor: TaskActor): Outcome | "not theirs" {
  const result = changeTask(task, change, actor, 50);
  if (!result.ok) {
    const { code, message } = result.error;
    expect(message).toMatch(/^[A-Z].*\.$/);
    return { not_yours: "not theirs", stale_run: "not ours", wrong_status: "no" }[code] as Outcome | "not theirs";
  }
  const { task: next, changed, events } = result.value;
  if (!changed) {
    expect([next, events]).toEqual([task, []]);
    return "done";
  }
  expect(next).toMatchObject({ version: task.version + 1, updatedAt: 50 });
  expect(events.length).toBeGreaterThan(0);
  if (next.status === task.status) return "same";
  expect(events.at(-1)).toMatchObject({ kind: "status.changed", data: { from: task.status, to: next.status } });
  expect(next.endedAt).toBe(isTerminal(next.status) ? 50 : null);
  return next.status;
}

describe.each(Object.keys(CHANGES) as ChangeName[])("[T1] [R11] %s", (change) => {
  it.each(
    TASK_STATUSES.flatMap((status) => (Object.keys(ACTORS) as ActorName[]).map((actor) => [status, actor] as const)),
  )("of a task that is %s, by %s", (status, actor) => {
    const task = taskThatIs(status);
    expect(task.status).toBe(status);
    expect(seen(task, CHANGES[change], ACTORS[actor])).toBe(expected(change, status, actor));
  });
});

it("the table names every change that there is, and every status", () => {
  const kinds = new Set<TaskChangeKind>(Object.values(CHANGES).map(({ kind }) => kind));
  const all: Record<TaskChangeKind, true> = {
    edit: true,
    queue: true,
    retry: true,
    cancel: true,
    acknowledge: true,
    delegate: true,
    requeue: true,
    name_branch: true,
    start: true,
    complete: true,
    fail: true,
    stop: true,
  };
  expect(kinds).toEqual(new Set(Object.keys(all)));
  for (const { outcomes } of Object.values(TABLE)) expect(outcomes).toHaveLength(TASK_STATUSES.length);
});
