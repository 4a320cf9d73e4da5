/** Runs and their budgets: what a session may spend, what it has spent, and what happens at a limit. */
import { env, runInDurableObject } from "cloudflare:test";
import type { UserId } from "@samovar/base";
import { errorBody, taskView } from "@samovar/contracts";
import type { BudgetLimits, MeteredUsage, TaskView } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf, controlPlane, tokenOf } from "../../../test/caller.ts";
import { putLimits } from "../../budgets/limits.ts";
import { putPrices } from "../../budgets/prices.ts";
import { dailySpending } from "../../database/schema.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { decideQueueTurn } from "../queue.ts";
import { viewTask } from "../view.ts";
import {
  aSessionEnd,
  db,
  deps,
  getWorkspace,
  now,
  reaches,
  readTranscript,
  ScriptedNode,
  soon,
  submit,
} from "./scripted-node.testing.ts";

const cloud = controlPlane();
const NONE = { costMicros: null, tokens: null };
const usd = (costMicros: number) => ({ costMicros, tokens: null });
const PRICE = { pattern: "tea", input: 1, output: 1, cacheRead: 1, cacheWrite: 1 };
let ownerId: UserId;

beforeEach(async () => {
  scriptedCloud();
  ownerId = await anOwner();
  await putPrices(deps, actorOf(ownerId), { asOf: "2026-11-30", prices: [PRICE] });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const limits = (change: Partial<BudgetLimits>) =>
  putLimits(deps, actorOf(ownerId), ownerId, { task: NONE, day: NONE, ...change });
const metered = (tokens: number): MeteredUsage => ({
  models: [{ model: "tea", inputTokens: tokens, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }],
  calls: 1,
  unmeteredCalls: 0,
});
const spentBy = async (task: TaskRecord): Promise<TaskView["spending"]> =>
  (await viewTask(deps, await now(task))).spending;
const hasSpent = (task: TaskRecord, costMicros: number) =>
  vi.waitFor(async () => expect((await spentBy(task))?.costMicros).toBe(costMicros), soon);

type Begun = Awaited<ReturnType<ScriptedNode["begins"]>>;
const reports = (machine: ScriptedNode, { workspaceId, sessionId }: Begun, tokens: number) =>
  machine.report({ kind: "session.metered", workspaceId, sessionId, metered: metered(tokens) });
async function ends(machine: ScriptedNode, { workspaceId, sessionId }: Begun, task: TaskRecord, more = {}) {
  machine.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task, more) });
}
const failure = { code: "budget_exceeded", message: "This task has spent $0.0001 of its limit of $0.0001." };
const OVER_BUDGET = { outcome: "error", failure, commits: [], pushed: false } as const;

async function act(task: TaskRecord, path: string, body: object, method = "POST"): Promise<Response> {
  const address = `/api/projects/${task.projectId}/tasks/${task.id}${path}`;
  return cloud.ask(address, { method, body, token: await tokenOf(ownerId) });
}

describe("[R51] what a run has spent", () => {
  it("is shown with its task while it runs, and is whole when it ends; reports of other sessions count for none of it", async () => {
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    expect(await spentBy(task)).toMatchObject({ costMicros: 0, models: [], limit: NONE });
    reports(machine, begun, 100);
    await hasSpent(task, 100);
    reports(machine, { ...begun, sessionId: (await aHolder(ownerId)).sessionId }, 5000);
    reports(machine, begun, 120);
    reports(machine, begun, 150);
    reports(machine, begun, 110);
    await ends(machine, begun, task);
    await machine.destroys();
    await reaches(task, "completed");
    // Written before the run saw the end.
    expect(await spentBy(task)).toMatchObject({ costMicros: 150, tokens: 150 });
  });

  it("[F12] [F13] is written when D1 is back, even if the node's object was evicted meanwhile", async () => {
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    await reaches(task, "in_progress");
    await env.DB.prepare("ALTER TABLE daily_spending RENAME TO away").run();
    reports(machine, begun, 100);
    const object = getNodeObject(env, machine.nodeId);
    await vi.waitFor(async () => {
      const attempts = await runInDurableObject(object, (_, state) =>
        [...state.storage.sql.exec<{ attempts: number }>("SELECT attempts FROM metering")].map((row) => row.attempts),
      );
      expect(attempts[0]).toBeGreaterThan(0);
    }, soon);
    await env.DB.prepare("ALTER TABLE away RENAME TO daily_spending").run();
    await object.ensureAlarm();
    await hasSpent(task, 100);
    const days = await db.select().from(dailySpending);
    expect(days.filter((row) => row.ownerId === ownerId).map((row) => row.costMicros)).toEqual([100]);
  });
});

describe("[security 39] a limit of a task", () => {
  it("is sent with the session's start, with the prices; without a limit nothing is sent", async () => {
    const free = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    expect(begun.start.budget).toBeUndefined();
    reports(machine, begun, 30);
    await hasSpent(free, 30);
    await limits({ task: usd(100), day: { costMicros: null, tokens: 1000 } });
    await submit(ownerId, "Another", free.projectId);
    const other = await machine.begins("task/y");
    expect(other.start.budget).toEqual({
      prices: [PRICE],
      limits: [
        { scope: "task", limit: usd(100), spent: { costMicros: 0, tokens: 0 }, until: null },
        {
          scope: "installation_day",
          limit: { costMicros: null, tokens: 1000 },
          spent: { costMicros: 30, tokens: 30 },
          until: expect.any(Number),
        },
      ],
    });
  });

  it("ends the run as failed with the host's reason and keeps its workspace; it is retried once the limit is raised", async () => {
    await limits({ task: usd(100) });
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    reports(machine, begun, 104);
    await ends(machine, begun, task, OVER_BUDGET);
    const failed = await reaches(task, "failed");
    expect(failed.failure).toEqual(failure);
    expect((await getWorkspace(task))?.state).toBe("retained");
    expect((await readTranscript(task)).join()).toContain(failure.message);

    const refused = await act(failed, "/retry", {});
    expect(refused.status).toBe(409);
    expect(errorBody.parse(await refused.json()).error.message).toContain("$0.0001 of its limit of $0.0001. Raise");
    const raised = await act(failed, "", { budget: usd(200) }, "PATCH");
    expect(taskView.parse(await raised.json())).toMatchObject({ status: "failed", budget: usd(200) });
    expect((await act(failed, "/retry", {})).status).toBe(202);
    const again = await machine.begins("task/z");
    expect(again.start.budget?.limits).toEqual([
      { scope: "task", limit: usd(200), spent: { costMicros: 104, tokens: 104 }, until: null },
    ]);
    reports(machine, again, 50);
    await hasSpent(task, 154);
  });

  it("can be changed by its owner alone, and not while a session has it", async () => {
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.begins();
    await reaches(task, "in_progress");
    expect((await act(task, "", { budget: usd(1) }, "PATCH")).status).toBe(409);
    const stranger = await tokenOf(await anOwner());
    const address = `/api/projects/${task.projectId}/tasks/${task.id}`;
    expect((await cloud.ask(address, { method: "PATCH", body: { budget: NONE }, token: stranger })).status).toBe(404);
  });
});

describe("[security 39] a limit of a day", () => {
  it("ends the runs of several sessions when they reach it together, as failed with the reason, and keeps their workspaces", async () => {
    const first = await submit(ownerId, "First");
    const machine = await ScriptedNode.of(ownerId);
    const one = await machine.begins();
    await limits({ day: usd(100) });
    const second = await submit(ownerId, "Second", first.projectId);
    const two = await machine.begins("task/y");
    await Promise.all([reaches(first, "in_progress"), reaches(second, "in_progress")]);
    reports(machine, one, 60);
    await hasSpent(first, 60);
    reports(machine, two, 41);
    for (const _ of [1, 2]) {
      const { args } = await machine.expects("session.cancel");
      expect(args.reason).toContain("All projects together have spent $0.0001 of today's limit of $0.0001.");
      const [begun, task] = args.sessionId === one.sessionId ? ([one, first] as const) : ([two, second] as const);
      await ends(machine, begun, task, { outcome: "cancelled", failure: { code: "cancelled", message: args.reason } });
    }
    for (const task of [first, second]) {
      const failed = await reaches(task, "failed");
      expect(failed.failure).toMatchObject({ code: "budget_exceeded", message: expect.stringContaining("Settings") });
      expect((await getWorkspace(task))?.state).toBe("retained");
    }
  });

  it("keeps a task in the queue with the reason, and lets it start when the limit is raised", async () => {
    const { projectId } = await aHolder(ownerId);
    const earlier = await submit(ownerId, "Earlier", projectId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    reports(machine, begun, 100);
    await hasSpent(earlier, 100);
    await ends(machine, begun, earlier);
    await machine.destroys();
    await reaches(earlier, "completed");

    await limits({ day: usd(100) });
    const task = await submit(ownerId, "Later", projectId);
    await vi.waitFor(async () => {
      expect((await viewTask(deps, await now(task))).waiting).toMatchObject({
        code: "budget",
        message: expect.stringContaining("today's budget is used up"),
      });
    }, soon);
    expect(machine.received()).toBeNull();
    const raised = { task: NONE, day: usd(1000) };
    const answer = await cloud.ask("/api/budget", { method: "PUT", body: raised, token: await tokenOf(ownerId) });
    expect(answer.status).toBe(200);
    const { start } = await machine.begins("task/y");
    expect(start.sessionId).toBe(task.sessionId);
  });

  it("lets a queued task start on the next day", async () => {
    await limits({ day: usd(1) });
    const { projectId } = await aHolder(ownerId);
    const at = Date.now();
    await db.insert(dailySpending).values({
      ownerId,
      day: new Date(at).toISOString().slice(0, 10),
      projectId,
      costMicros: 5,
      tokens: 5,
      unpricedTokens: 0,
      unmeteredCalls: 0,
    });
    const task = await submit(ownerId, "Waits", projectId);
    const { id: taskId, runId } = task;
    if (runId === null) throw new Error("the task has no run");
    const self = { taskId, runId, ownerId, size: "small", rank: 5, queuedAt: at } as const;
    expect(await decideQueueTurn(deps, self, task, [], at, true)).toMatchObject({ kind: "wait", code: "budget" });
    expect(await decideQueueTurn(deps, self, task, [], at + 86_400_000, true)).toEqual({ kind: "dequeue" });
  });
});
