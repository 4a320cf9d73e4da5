/** The database refuses statements, or carries them out and loses the answer: tasks change once, and their runs end. */
import { env, introspectWorkflow } from "cloudflare:test";
import { createTask } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskActor, TaskChange, TaskRecord } from "@samovar/domain/task-status";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callerOf } from "../../test/caller.ts";
import { breakDatabase } from "../../test/faulty-d1.ts";
import type { FaultyDatabase } from "../../test/faulty-d1.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { findNode } from "../nodes/store.ts";
import { aHolder, anOwner, fireAlarm } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { requireProject } from "../projects/store.ts";
import {
  db,
  deps,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  now,
  toSession,
  soon,
  submit,
  getWorkspace,
} from "./workflow/scripted-node.testing.ts";
import { tryChange } from "./change.ts";
import { createNewTask } from "./create.ts";
import { readRunStatus } from "./launch.ts";
import { cancelTask } from "./run.ts";

const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);
let broken: FaultyDatabase | null = null;

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  broken?.heal();
  broken = null;
  vi.unstubAllGlobals();
});

/** Repeats a request whose answer was lost, as a client would. */
async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === 20) throw error;
    }
  }
}

/** Each status event begins where the one before it ended, and the last one is where the task is. */
async function expectOneStory(task: TaskRecord): Promise<void> {
  const seen = await now(task);
  const moves = (await listTaskEvents(seen)).filter((event) => event.kind === "status.changed");
  let at = "draft";
  for (const { data } of moves) {
    expect(data["from"]).toBe(at);
    at = String(data["to"]);
  }
  expect(at).toBe(seen.status);
  const { results } = await env.DB.prepare("SELECT seq FROM task_events WHERE task_id = ? ORDER BY seq")
    .bind(task.id)
    .all<{ seq: number }>();
  expect(results.map(({ seq }) => seq)).toEqual(results.map((_row, index) => index + 1));
}

describe("[F13] [T1] a submit", () => {
  it.each(SEEDS)("whose answers are lost makes one task (seed %i)", async (seed) => {
    const ownerId = await anOwner();
    const project = await requireProject(db, ownerId, (await aHolder(ownerId)).projectId);
    const caller = callerOf(ownerId);
    const wanted = createTask.parse({ description: "Do it", run: false });
    broken = breakDatabase(seed, { refused: 0.2, answerLost: 0.4, atMost: 12 });
    const made = await Promise.all(
      Array.from({ length: 3 }, () => insist(() => createNewTask(deps, caller, project, wanted, `key-of-${seed}`))),
    );
    broken.heal();
    expect(broken.refused + broken.answersLost).toBeGreaterThan(0);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const count = env.DB.prepare("SELECT count(*) AS n FROM tasks WHERE project_id = ?").bind(project.id);
    expect(await count.first<{ n: number }>()).toEqual({ n: 1 });
    const [task] = made;
    if (task === undefined) return;
    expect((await listTaskEvents(task)).map((event) => event.kind)).toEqual(["task.created"]);
  });
});

const failure = { code: "why", message: "It did not work." };

describe("[F13] [T1] changes of a task", () => {
  it.each(SEEDS)("from all sides at once, answers lost, are each made once (seed %i)", async (seed) => {
    const ownerId = await anOwner();
    const project = await requireProject(db, ownerId, (await aHolder(ownerId)).projectId);
    const caller = callerOf(ownerId);
    const task = await createNewTask(deps, caller, project, createTask.parse({ description: "Do it" }), null);
    const runId = deps.ids.make("run");
    const user: TaskActor = { kind: "user", id: ownerId };
    const run: TaskActor = { kind: "run", id: runId };
    const [nodeId, workspaceId] = [deps.ids.make("nod"), deps.ids.make("wsp")];
    const all: readonly (readonly [TaskChange, TaskActor])[] = [
      [{ kind: "queue", runId }, user],
      [{ kind: "delegate", nodeId, workspaceId }, run],
      [{ kind: "name_branch", branch: "task/x" }, run],
      [{ kind: "start" }, run],
    ];
    broken = breakDatabase(seed, { refused: 0.15, answerLost: 0.3, atMost: 30 });
    for (const [change, actor] of all) {
      // Three callers that repeat a request whose answer was lost, and another one in between.
      await Promise.all([1, 2, 3].map(() => insist(() => tryChange(deps, task.id, change, actor))));
    }
    const ends: readonly (readonly [TaskChange, TaskActor])[] = [
      [{ kind: "cancel", reason: "changed my mind" }, user],
      [{ kind: "fail", failure, output: null }, run],
      [{ kind: "fail", failure, output: null }, { kind: "sweep" }],
      [{ kind: "stop", failure, output: null }, run],
    ];
    await Promise.all(ends.map(([change, actor]) => insist(() => tryChange(deps, task.id, change, actor))));
    broken.heal();
    expect(broken.refused + broken.answersLost).toBeGreaterThan(0);
    const ended = await now(task);
    expect(["failed", "cancelled"]).toContain(ended.status);
    expect(ended).toMatchObject({ attempt: 1, nodeId, workspaceId, branch: "task/x", startedAt: expect.any(Number) });
    await expectOneStory(task);
    const kinds = (await listTaskEvents(task)).map((event) => event.kind);
    expect(kinds.filter((kind) => kind === "workspace.prepared")).toHaveLength(1);
    expect(kinds.filter((kind) => kind === "cancel.requested").length).toBeLessThanOrEqual(1);
    // A version for each change that was made: four on the way, the end, and the request if it came first.
    expect(ended.version).toBe(1 + 4 + 1 + kinds.filter((kind) => kind === "cancel.requested").length);
  });
});

describe("[F12] [F13] [T1] a run", () => {
  it.each(SEEDS)("ends once, and the database agrees with the objects (seed %i)", async (seed) => {
    const ownerId = await anOwner();
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll((run) => run.disableRetryDelays());
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    // A burst that begins later with each seed. A best-effort step is tried five times: no burst can exhaust it.
    broken = breakDatabase(seed, { refused: 0.2, answerLost: 0.3, atMost: 4, from: Math.floor(seed * 1.5) });
    const begun = await machine.begins();
    const isCancelled = seed % 3 === 0;
    if (isCancelled) {
      await insist(() => cancelTask(deps, task.id, { kind: "user", id: ownerId }));
      await machine.expects("session.cancel");
    }
    const end = await aSessionEnd(task, isCancelled ? { outcome: "cancelled", pushed: false } : {});
    machine.report({ kind: "session.ended", ...begun, end });
    if (!isCancelled) await machine.destroys();
    await vi.waitFor(async () => expect(isTerminal((await now(task)).status)).toBe(true), soon);
    await vi.waitFor(async () => expect((await toSession(task))?.endedAt).not.toBeNull(), soon);
    broken.heal();
    expect(broken.refused + broken.answersLost).toBeGreaterThan(0);

    expect((await now(task)).status).toBe(isCancelled ? "cancelled" : "completed");
    await expectOneStory(task);
    const events = await listTaskEvents(task);
    const steps = events.filter((event) => event.kind.startsWith("step."));
    const names = steps.map((event) => `${event.kind} ${String(event.data["step"])}`);
    expect(new Set(names).size, "each step is recorded once").toBe(names.length);
    expect(await toSession(task)).toMatchObject({ status: "stopped" });
    expect(await getWorkspace(task)).toMatchObject({ state: isCancelled ? "retained" : "destroyed" });
    // The node's object writes later what it could not write at once.
    await vi.waitFor(async () => {
      await fireAlarm(machine.nodeId);
      const view = await getNodeObject(env, machine.nodeId).view();
      expect(await findNode(db, machine.nodeId)).toMatchObject({
        state: view?.state,
        version: view?.version,
        taskIds: [],
        retainedTaskIds: isCancelled ? [task.id] : [],
      });
    }, soon);
    await vi.waitFor(async () => expect(await readRunStatus(env, task.runId ?? expect.fail())).toBe("complete"), soon);
  });
});
