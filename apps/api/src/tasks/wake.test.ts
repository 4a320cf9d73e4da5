/** Which runs are woken, counted by the signals sent to the platform. */
import { env } from "cloudflare:test";
import type { RunId, UserId } from "@samovar/base";
import { createTask } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { callerOf, ids } from "../../test/caller.ts";
import { nodes, tasks } from "../database/schema.ts";
import { aHolder, anOwner } from "../nodes/durable-object/node.testing.ts";
import { requireProject } from "../projects/store.ts";
import { db, deps } from "./workflow/scripted-node.testing.ts";
import { createNewTask } from "./create.ts";
import { repairOrphanRuns } from "./orphans.ts";
import { dequeueTask, enqueueTask } from "./queue.ts";
import { findTask } from "./store.ts";
import { wakeDependents, wakeQueue } from "./wake.ts";

let waitForSignal: string[];
let ownerId: UserId;
let projectId: TaskRecord["projectId"];

beforeEach(async () => {
  waitForSignal = [];
  ownerId = await anOwner();
  projectId = (await aHolder(ownerId)).projectId;
});

/** The platform's workflows with a recording `sendEvent`, without any run. */
const listening = () => {
  const TASK_RUN = new Proxy(env.TASK_RUN, {
    get: (real, name) =>
      name === "get"
        ? async (id: string) => ({
            sendEvent: async () => void waitForSignal.push(id),
            status: async () => ({ status: "waiting" }),
          })
        : Reflect.get(real, name),
  });
  return { ...deps, env: { ...env, TASK_RUN } };
};

/** A queued task without a workflow. */
async function enqueue(
  rank: number,
  code: "capacity" | "dependencies" = "capacity",
  blockedBy: TaskRecord["id"][] = [],
) {
  const project = await requireProject(db, ownerId, projectId);
  const caller = callerOf(ownerId);
  const draft = await createNewTask(deps, caller, project, createTask.parse({ description: "x" }), null);
  const runId: RunId = ids.make("run");
  await db.update(tasks).set({ status: "queued", runId, updatedAt: 1 }).where(eq(tasks.id, draft.id));
  const entry = { taskId: draft.id, runId, ownerId, size: "small", rank, queuedAt: 1 } as const;
  await enqueueTask(db, entry, { kind: "wait", code, blockedBy }, Date.now());
  return { ...entry, task: (await findTask(db, draft.id)) ?? draft };
}

async function aMachine(taken: number, more: Partial<typeof nodes.$inferInsert> = {}): Promise<void> {
  const id = ids.make("nod");
  await db.insert(nodes).values({
    id,
    ownerId,
    name: id,
    provider: "hetzner",
    size: "small",
    state: "active",
    version: 1,
    epoch: 1,
    slots: 3,
    taskIds: Array.from({ length: taken }, () => ids.make("tsk")),
    taken,
    outbox: { pending: 0, deadLetters: 0, lastDeadLetterReason: null },
    maxLifetimeAt: Date.now() + 1e6,
    createdAt: 1,
    ...more,
  });
}

describe("[R12] available slots wake", () => {
  it("as many tasks as there are slots, the first ones", async () => {
    for (let i = 1; i < deps.config.MAX_NODES_PER_USER; i++) await aMachine(3);
    const [low, urgent, high] = [await enqueue(4), await enqueue(1), await enqueue(2)];
    await enqueue(1, "dependencies");
    await wakeQueue(listening(), ownerId);
    // One more node may be created: three slots.
    expect(waitForSignal).toEqual([urgent.runId, high.runId, low.runId]);
    await aMachine(3, { size: "large" });
    await wakeQueue(listening(), ownerId);
    expect(waitForSignal).toHaveLength(3);
    await aMachine(1, { state: "draining" });
    await aMachine(2);
    await wakeQueue(listening(), ownerId);
    expect(waitForSignal.slice(3)).toEqual([urgent.runId]);
  });

  it("no other user's tasks", async () => {
    await enqueue(1);
    await wakeQueue(listening(), await anOwner());
    expect(waitForSignal).toEqual([]);
  });
});

describe("[R12] an end wakes", () => {
  it("the tasks that waited for it, and no others", async () => {
    const first = await enqueue(5);
    const then = await enqueue(5, "dependencies", [first.taskId]);
    await enqueue(5, "dependencies", [then.taskId]);
    await wakeDependents(listening(), first.task);
    expect(waitForSignal).toEqual([then.runId]);
  });
});

it("the sweep leaves runs that poll the queue alone, and signals one that does not", async () => {
  const entry = await enqueue(5);
  const { env: ears } = listening();
  await repairOrphanRuns(ears, Date.now() + 120_000);
  expect(waitForSignal).not.toContain(entry.runId);
  expect(await dequeueTask(db, entry.taskId)).toBe(true);
  await repairOrphanRuns(ears, Date.now() + 120_000);
  expect(waitForSignal).toContain(entry.runId);
});

it("[T1] a run that no longer has the task gets no entry", async () => {
  const entry = await enqueue(5);
  await dequeueTask(db, entry.taskId);
  await enqueueTask(
    db,
    { ...entry, runId: ids.make("run") },
    { kind: "wait", code: "capacity", blockedBy: [] },
    Date.now(),
  );
  expect(await dequeueTask(db, entry.taskId)).toBe(false);
});
