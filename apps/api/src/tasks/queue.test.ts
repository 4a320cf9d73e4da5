/** The queue: tasks that wait for a slot or for each other, and start automatically. */
import { env, introspectWorkflow } from "cloudflare:test";
import type { UserId } from "@samovar/base";
import { createTask } from "@samovar/contracts";
import type { CreateTask } from "@samovar/contracts";
import { STALE_ENTRY_MS } from "@samovar/domain/task-queue";
import type { TaskRecord } from "@samovar/domain/task-status";
import type { SlotLease } from "@samovar/domain/node-record";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callerOf } from "../../test/caller.ts";
import { nodes, taskQueue, workspaces } from "../database/schema.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { aBusyNode, aHolder, anOwner } from "../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { requireProject } from "../projects/store.ts";
import {
  db,
  deps,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  now,
  reaches,
  getTaskIds,
  soon,
  readTranscript,
} from "./workflow/scripted-node.fixture.ts";
import { createNewTask } from "./create.ts";
import { explainWaiting } from "./queue.ts";
import { cancelTask, editTask, retryTask } from "./run.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => vi.unstubAllGlobals());

const SLOTS = deps.config.NODE_SLOTS;

/** An owner who may have one more node: rows of busy nodes use the rest of the limit. */
async function tightOwner(): Promise<{ ownerId: UserId; projectId: TaskRecord["projectId"] }> {
  const ownerId = await anOwner();
  for (let i = 1; i < deps.config.MAX_NODES_PER_USER; i++) await aBusyNode(ownerId);
  return { ownerId, projectId: (await aHolder(ownerId)).projectId };
}

async function submit(
  { ownerId, projectId }: Pick<Awaited<ReturnType<typeof tightOwner>>, "ownerId" | "projectId">,
  more: Partial<CreateTask> = {},
): Promise<TaskRecord> {
  const project = await requireProject(db, ownerId, projectId);
  const caller = callerOf(ownerId);
  const wanted = createTask.parse({ description: "Do it", run: true, vmSize: "small", ...more });
  return createNewTask(deps, caller, project, wanted, null);
}

const machineOf = async (ownerId: UserId): Promise<ScriptedNode> =>
  vi.waitFor(async () => {
    const rows = await db.select().from(nodes).where(eq(nodes.ownerId, ownerId));
    const row = rows.find((each) => each.size === "small" && each.version > 0);
    if (row === undefined) throw new Error("no machine yet");
    return ScriptedNode.on(row.id);
  }, soon);

const waitingFor = async (task: TaskRecord) => (await explainWaiting(deps, [await now(task)])).get(task.id) ?? null;
const waits = (task: TaskRecord, code: "capacity" | "dependencies" | "dependency_failed") =>
  vi.waitFor(async () => {
    const waiting = await waitingFor(task);
    if (waiting?.code !== code) throw new Error(`${task.title}: ${waiting?.code}`);
    return waiting;
  }, soon);
const gone = (task: TaskRecord) => vi.waitFor(async () => expect(await waitingFor(task)).toBeNull(), soon);

/** Fills the node: one task works there, other workspaces hold the rest of its slots. */
async function fill(owner: Awaited<ReturnType<typeof tightOwner>>) {
  const task = await submit(owner, { title: "first" });
  const machine = await machineOf(owner.ownerId);
  const running = { task, ...(await machine.begins()) };
  const others: SlotLease[] = [];
  for (let i = 1; i < SLOTS; i++) {
    const lease = await aHolder(owner.ownerId);
    expect(await getNodeObject(env, machine.nodeId).reserve(lease)).toEqual({ granted: true });
    others.push(lease);
  }
  return { machine, running, others };
}

async function completes(
  machine: ScriptedNode,
  { task, workspaceId, sessionId }: { task: TaskRecord } & Awaited<ReturnType<ScriptedNode["begins"]>>,
) {
  machine.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task) });
  await machine.destroys();
  await reaches(task, "completed");
}

describe("[R12] waiting for a slot", () => {
  it("tasks wait in priority order, say why, and start as a slot becomes available", async () => {
    const owner = await tightOwner();
    const { machine, running, others } = await fill(owner);
    const plain = await submit(owner, { title: "plain" });
    expect(await waits(plain, "capacity")).toMatchObject({ ahead: 0, message: expect.stringContaining("it is next") });
    const low = await submit(owner, { title: "low", priority: 4 });
    await waits(low, "capacity");
    const urgent = await submit(owner, { title: "urgent", priority: 1 });
    await waits(urgent, "capacity");
    expect(await waitingFor(plain)).toMatchObject({
      ahead: 2,
      taskIds: [urgent.id, low.id],
      message: `Waits for a slot: all ${deps.config.MAX_NODES_PER_USER} nodes are busy, 2 tasks are ahead of it.`,
    });
    for (const [at, expected] of [urgent, low].entries()) {
      const lease = others[at];
      if (lease !== undefined) await getNodeObject(env, machine.nodeId).release(lease.workspaceId);
      expect((await machine.begins()).create.taskId).toBe(expected.id);
      await gone(expected);
    }
    await completes(machine, running);
    expect((await machine.begins()).create.taskId).toBe(plain.id);
    await gone(plain);
    const steps = (await listTaskEvents(plain)).filter((event) => event.kind.startsWith("step."));
    expect(steps.slice(0, 3).map((event) => `${event.kind} ${String(event.data["step"])}`)).toEqual([
      "step.started wait",
      "step.finished wait",
      "step.started choose",
    ]);
    expect(await db.select().from(taskQueue).where(eq(taskQueue.ownerId, owner.ownerId))).toEqual([]);
  });

  it("a raised priority counts at once; a cancel takes a task out of the queue", async () => {
    const owner = await tightOwner();
    const { machine, running } = await fill(owner);
    const [older, newer] = [await submit(owner), await submit(owner)];
    await waits(older, "capacity");
    await waits(newer, "capacity");
    await editTask(deps, newer.id, { priority: 1 }, undefined, { kind: "user", id: owner.ownerId });
    await vi.waitFor(async () => expect(await waitingFor(newer)).toMatchObject({ ahead: 0 }), soon);
    expect(await waitingFor(older)).toMatchObject({ ahead: 1, taskIds: [newer.id] });
    await cancelTask(deps, newer.id, { kind: "user", id: owner.ownerId });
    await reaches(newer, "cancelled");
    expect(await waitingFor(older)).toMatchObject({ ahead: 0 });
    await completes(machine, running);
    expect((await machine.begins()).create.taskId).toBe(older.id);
  });

  it("[T1] an entry whose run no longer polls blocks no other", async () => {
    const owner = await tightOwner();
    const { machine, running } = await fill(owner);
    const [dead, alive] = [await submit(owner, { priority: 1 }), await submit(owner)];
    await waits(dead, "capacity");
    await waits(alive, "capacity");
    await (await env.TASK_RUN.get(dead.runId ?? "")).terminate();
    await db
      .update(taskQueue)
      .set({ polledAt: Date.now() - STALE_ENTRY_MS - 1 })
      .where(eq(taskQueue.taskId, dead.id));
    await completes(machine, running);
    expect((await machine.begins()).create.taskId).toBe(alive.id);
  });

  it("a destroyed node makes capacity available too", async () => {
    const owner = await tightOwner();
    const { machine } = await fill(owner);
    const task = await submit(owner);
    await waits(task, "capacity");
    await getNodeObject(env, machine.nodeId).destroy("the test wants it gone");
    await vi.waitFor(async () => {
      expect((await now(task)).status).toBe("queued");
      expect(await waitingFor(task)).toBeNull();
    }, soon);
    expect((await listTaskEvents(task)).some((event) => event.kind === "node.chosen")).toBe(true);
  });

  it("[F45] a poll that is interrupted after it took the slot continues with it, although no slot is available any more", async () => {
    const owner = await tightOwner();
    const { machine, others } = await fill(owner);
    const [lease] = others;
    if (lease !== undefined) await getNodeObject(env, machine.nodeId).release(lease.workspaceId);
    const fault =
      "CREATE TRIGGER cut BEFORE INSERT ON task_events WHEN NEW.kind = 'node.chosen' BEGIN SELECT RAISE(ABORT, 'cut off'); END";
    await env.DB.prepare(fault).run();
    const task = await submit(owner);
    await vi.waitFor(async () => expect(await getTaskIds(machine)).toContain(task.id), soon);
    await env.DB.prepare("DROP TRIGGER cut").run();
    expect((await machine.begins()).create.taskId).toBe(task.id);
    const chosen = (await listTaskEvents(task)).filter((event) => event.kind === "node.chosen");
    expect(chosen).toMatchObject([{ data: { nodeId: machine.nodeId } }]);
    expect((await getTaskIds(machine))?.filter((id) => id === task.id)).toHaveLength(1);
  });

  it("[T1] a task that waits too long fails with the reason", async () => {
    await using runs = await introspectWorkflow(env.TASK_RUN);
    const owner = await tightOwner();
    await aBusyNode(owner.ownerId);
    await runs.modifyAll(async (run) => {
      await run.mockStepResult(
        { name: "choose: poll 1.1" },
        JSON.stringify({ found: { kind: "wait", code: "capacity", unanswered: [] }, now: 0 }),
      );
      await run.forceEventTimeout({ name: "wait: signal 1.1" });
    });
    const task = await submit(owner);
    expect(await reaches(task, "failed")).toMatchObject({ failure: { code: "no_capacity" } });
    expect((await readTranscript(task)).at(-1)).toMatch(/No slot became available in .* h/);
    expect(await db.select().from(taskQueue).where(eq(taskQueue.taskId, task.id))).toEqual([]);
  });
});

describe("[R12] many at once", () => {
  it("cost the same each: most wait without a request to a node, and one slot wakes one of them", async () => {
    const N = 40;
    const ownerId = await anOwner();
    for (let i = 2; i < deps.config.MAX_NODES_PER_USER; i++) await aBusyNode(ownerId);
    const owner = { ownerId, projectId: (await aHolder(ownerId)).projectId };
    const statements = vi.spyOn(Object.getPrototypeOf(env.DB), "prepare");
    await Promise.all(Array.from({ length: N }, () => submit(owner)));
    const countQueued = () => db.$count(taskQueue, eq(taskQueue.ownerId, ownerId));
    const placed = async () => {
      const rows = await db.select().from(nodes).where(eq(nodes.ownerId, ownerId));
      return rows.filter((row) => row.size === "small" && row.taskIds.length > 0);
    };
    const stands = async (left: number) =>
      vi.waitFor(async () => {
        expect(await countQueued()).toBe(left);
        expect((await placed()).flatMap((row) => row.taskIds)).toHaveLength(2 * SLOTS);
      }, soon);
    await stands(N - 2 * SLOTS);
    expect(statements.mock.calls.length / N).toBeLessThan(60);

    const [node] = await placed();
    if (node === undefined) throw new Error("two machines are full");
    const [held] = await db.select().from(workspaces).where(eq(workspaces.nodeId, node.id));
    if (held === undefined) throw new Error("with workspaces");
    const before = statements.mock.calls.length;
    await getNodeObject(env, node.id).release(held.id);
    await stands(N - 2 * SLOTS - 1);
    expect(statements.mock.calls.length - before).toBeLessThan(120);
    vi.restoreAllMocks();
  });
});

describe("[R12] after other tasks", () => {
  it("a task waits for them, and starts when the last is completed", async () => {
    const ownerId = await anOwner();
    const owner = { ownerId, projectId: (await aHolder(ownerId)).projectId };
    const first = await submit(owner, { title: "First" });
    const then = await submit(owner, { title: "Then", dependsOn: [first.id] });
    expect(await waits(then, "dependencies")).toMatchObject({ taskIds: [first.id], message: "Waits for “First”." });
    const machine = await machineOf(ownerId);
    await completes(machine, { task: first, ...(await machine.begins()) });
    expect((await machine.begins()).create.taskId).toBe(then.id);
    expect(await waitingFor(then)).toBeNull();
  });

  it("a failed one is shown; its retry that completes frees the one that waits", async () => {
    const ownerId = await anOwner();
    const owner = { ownerId, projectId: (await aHolder(ownerId)).projectId };
    const first = await submit(owner, { title: "First" });
    const then = await submit(owner, { dependsOn: [first.id] });
    const machine = await machineOf(ownerId);
    const one = await machine.begins();
    const failure = { code: "agent_error", message: "No." };
    const end = await aSessionEnd(first, { outcome: "error", failure, pushed: false });
    machine.report({ kind: "session.ended", workspaceId: one.workspaceId, sessionId: one.sessionId, end });
    expect(await waits(then, "dependency_failed")).toMatchObject({ message: expect.stringContaining("has failed") });
    const project = await requireProject(db, ownerId, owner.projectId);
    const caller = callerOf(ownerId);
    const again = await retryTask(deps, caller, project, await now(first));
    await waits(then, "dependencies");
    await completes(machine, { task: again, ...(await machine.begins()) });
    expect((await machine.begins()).create.taskId).toBe(then.id);
  });

  it("a failed one can be taken away, and one that waits be cancelled", async () => {
    const ownerId = await anOwner();
    const owner = { ownerId, projectId: (await aHolder(ownerId)).projectId };
    const user = { kind: "user", id: ownerId } as const;
    const first = await submit(owner, { run: false });
    await cancelTask(deps, first.id, user);
    const [freed, stopped] = [
      await submit(owner, { dependsOn: [first.id] }),
      await submit(owner, { dependsOn: [first.id] }),
    ];
    await waits(freed, "dependency_failed");
    await waits(stopped, "dependency_failed");
    await editTask(deps, freed.id, { dependsOn: [] }, undefined, user);
    await cancelTask(deps, stopped.id, user);
    const machine = await machineOf(ownerId);
    expect((await machine.begins()).create.taskId).toBe(freed.id);
    await reaches(stopped, "cancelled");
  });
});
