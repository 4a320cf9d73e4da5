/** Spending in D1: reports that come twice, late and at once; days; prices; limits; who may see and set them. */
import { env } from "cloudflare:workers";
import type { UserId } from "@samovar/base";
import { budgetView, errorBody, NOTHING_SPENT, priceTable, projectBudgetView } from "@samovar/contracts";
import type { MeteredUsage } from "@samovar/contracts";
import { DEFAULT_PRICES } from "@samovar/domain/model-prices";
import { eq, inArray } from "drizzle-orm";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type * as z from "zod";
import { actorOf, anotherUser, controlPlane, ids, manualClock } from "../../test/caller.ts";
import { listEntries } from "../audit/store.ts";
import { database } from "../database/index.ts";
import { dailySpending, runSpending } from "../database/schema.ts";
import { systemPorts } from "../deps.ts";
import { aHolder } from "../nodes/durable-object/node.testing.ts";
import { findReachedDayLimit } from "./limits.ts";
import { putPrices } from "./prices.ts";
import { recordMetered } from "./record.ts";

const db = database(env);
const clock = manualClock(Date.parse("2026-11-30T23:59:50Z"));
const cloud = controlPlane({ ...systemPorts, clock });
let me: { readonly id: UserId; readonly token: string };

beforeEach(async () => {
  me = await anotherUser();
  await putPrices(cloud.deps, actorOf(me.id), {
    asOf: "2026-11-30",
    prices: [{ pattern: "tea-*", input: 1, output: 10, cacheRead: 0.1, cacheWrite: 2 }],
  });
});

const metered = (input: number, output = 0, model = "tea-1", unmeteredCalls = 0): MeteredUsage => ({
  models: [{ model, inputTokens: input, outputTokens: output, cacheReadTokens: 0, cacheWriteTokens: 0 }],
  calls: 1,
  unmeteredCalls,
});

async function aRun(ownerId = me.id) {
  const { projectId, workspaceId } = await aHolder(ownerId);
  return { ownerId, projectId, workspaceId, taskId: ids.make("tsk") };
}

async function read<T extends z.ZodType>(schema: T, path: string, body?: object, method = "PUT"): Promise<z.infer<T>> {
  const answer = await cloud.ask(path, { token: me.token, ...(body === undefined ? {} : { body, method }) });
  expect(answer.status, path).toBe(200);
  return schema.parse(await answer.json());
}

describe("[R51] what a run has metered", () => {
  it("is stored once, however often, late or in which order its reports come", async () => {
    const run = await aRun();
    const reports = [metered(100), metered(200, 5), metered(300, 7), metered(300, 7, "tea-1", 2)];
    for (const report of [reports[1], reports[0], reports[2], reports[1], reports[3], reports[3]])
      if (report !== undefined) await recordMetered(db, run, report, clock.now());
    const [row] = await db.select().from(runSpending).where(eq(runSpending.workspaceId, run.workspaceId));
    expect(row).toMatchObject({ costMicros: 370, tokens: 307, unmeteredCalls: 2, unpricedTokens: 0 });
    const { today } = await read(projectBudgetView, `/api/projects/${run.projectId}/budget`);
    expect(today).toEqual({ costMicros: 370, tokens: 307, unpricedTokens: 0, unmeteredCalls: 2 });
  });

  it("[F13] is stored once when reports come at the same time, as after lost answers of the database", async () => {
    const run = await aRun();
    const reports = [100, 250, 250, 175, 300, 300].map((tokens) => metered(tokens));
    await Promise.all(reports.map((report) => recordMetered(db, run, report, clock.now())));
    const { today } = await read(projectBudgetView, `/api/projects/${run.projectId}/budget`);
    expect(today).toMatchObject({ costMicros: 300, tokens: 300 });
  });

  it("is exact to the micro-dollar, however it is cut into reports", async () => {
    const [whole, cut] = [await aRun(), await aRun()];
    const cached = (tokens: number): MeteredUsage => ({
      ...metered(0),
      models: [{ model: "tea-1", inputTokens: 0, outputTokens: 0, cacheReadTokens: tokens, cacheWriteTokens: 0 }],
    });
    await recordMetered(db, whole, cached(1009), clock.now());
    for (let tokens = 1; tokens <= 1009; tokens += 56) await recordMetered(db, cut, cached(tokens), clock.now());
    const costs = await db
      .select({ cost: runSpending.costMicros, tokens: runSpending.tokens })
      .from(runSpending)
      .where(inArray(runSpending.workspaceId, [whole.workspaceId, cut.workspaceId]));
    expect(costs).toEqual([
      { cost: 100, tokens: 1009 },
      { cost: 100, tokens: 1009 },
    ]);
  });

  it("counts for the UTC day on which it is reported, and for that month", async () => {
    const run = await aRun();
    await recordMetered(db, run, metered(100), clock.now());
    const nextDay = manualClock(clock.now());
    nextDay.advance(20_000);
    await recordMetered(db, run, metered(130), nextDay.now());
    const rows = await db.select().from(dailySpending).where(eq(dailySpending.ownerId, me.id));
    expect(rows.map(({ day, costMicros }) => [day, costMicros])).toEqual([
      ["2026-11-30", 100],
      ["2026-12-01", 30],
    ]);
    const later = controlPlane({ ...systemPorts, clock: nextDay });
    const answer = budgetView.parse(await (await later.ask("/api/budget", { token: me.token })).json());
    expect(answer).toMatchObject({ day: "2026-12-01", today: { costMicros: 30 }, month: { costMicros: 30 } });
    expect(await read(budgetView, "/api/budget")).toMatchObject({
      today: { costMicros: 100 },
      month: { costMicros: 100 },
    });
  });

  it("has its cost at the prices of the time: a changed table counts from then on", async () => {
    const run = await aRun();
    await recordMetered(db, run, metered(100), clock.now());
    await recordMetered(db, run, metered(100, 0, "coffee"), clock.now());
    const prices = [{ pattern: "*", input: 3, output: 3, cacheRead: 3, cacheWrite: 3 }];
    await read(priceTable, "/api/budget/prices", { prices, asOf: "2026-12-01" });
    await recordMetered(db, run, metered(110), clock.now());
    await recordMetered(db, run, metered(101, 0, "coffee"), clock.now());
    const { month } = await read(budgetView, "/api/budget");
    expect(month).toEqual({ costMicros: 100 + 30 + 3, tokens: 211, unpricedTokens: 100, unmeteredCalls: 0 });
  });

  it("writes two rows for each report after a run's first, and none for an old one", async () => {
    const run = await aRun();
    const batches = vi.spyOn(Object.getPrototypeOf(env.DB), "batch");
    const rows = async (report: MeteredUsage) => {
      batches.mockClear();
      await recordMetered(db, run, report, clock.now());
      const results = await Promise.all(batches.mock.results.map(({ value }): Promise<D1Result[]> => value));
      return results.flat().reduce((sum, { meta }) => sum + meta.rows_written, 0);
    };
    // The first time, the rows' keys are written too.
    expect(await rows(metered(1))).toBe(6);
    expect([await rows(metered(2)), await rows(metered(2)), await rows(metered(1))]).toEqual([2, 0, 0]);
    batches.mockRestore();
  });
});

describe("[security 39] limits", () => {
  it("are none at first, and are set for the installation and for each project", async () => {
    const { projectId } = await aRun();
    const none = { costMicros: null, tokens: null };
    expect(await read(budgetView, "/api/budget")).toEqual({
      limits: { task: none, day: none },
      day: "2026-11-30",
      today: NOTHING_SPENT,
      month: NOTHING_SPENT,
      projects: [],
    });
    const limits = { task: { costMicros: 2_500_000, tokens: null }, day: { costMicros: null, tokens: 9 } };
    expect((await read(budgetView, "/api/budget", limits)).limits).toEqual(limits);
    const own = { task: null, day: { costMicros: 1, tokens: null } };
    expect(await read(projectBudgetView, `/api/projects/${projectId}/budget`, own)).toMatchObject({
      limits: own,
      installation: limits,
    });
    const { items } = await listEntries(db, me.id, { limit: 5 });
    expect(items.slice(0, 2)).toMatchObject([
      { action: "budget.changed", objectId: projectId, detail: { task: "inherited", day: "1 micro-dollars" } },
      { action: "budget.changed", objectId: me.id, detail: { task: "2500000 micro-dollars", day: "9 tokens" } },
    ]);
  });

  it("of a day are reached by all runs together, the project's first, and are fresh the next day", async () => {
    const first = await aRun();
    const second = { ...(await aRun()), projectId: first.projectId };
    const elsewhere = await aRun();
    const day = (costMicros: number) => ({ task: null, day: { costMicros, tokens: null } });
    await read(projectBudgetView, `/api/projects/${first.projectId}/budget`, day(150));
    await read(budgetView, "/api/budget", { task: { costMicros: null, tokens: null }, day: day(250).day });
    await recordMetered(db, first, metered(100), clock.now());
    const reached = (run: typeof first, at = clock.now()) => findReachedDayLimit(db, run, at);
    expect(await reached(first)).toBeNull();
    await recordMetered(db, second, metered(60), clock.now());
    expect(await reached(first)).toMatchObject({ scope: "project_day", spent: { costMicros: 160 } });
    expect(await reached(elsewhere)).toBeNull();
    await recordMetered(db, elsewhere, metered(90), clock.now());
    expect(await reached(elsewhere)).toMatchObject({ scope: "installation_day", spent: { costMicros: 250 } });
    expect(await reached(first, clock.now() + 20_000)).toBeNull();
  });

  it.each([
    ["/api/budget", { task: { costMicros: 0, tokens: null }, day: { costMicros: null, tokens: null } }],
    ["/api/budget", { task: { costMicros: 0.5, tokens: null }, day: { costMicros: null, tokens: null } }],
    ["/api/budget", { task: null, day: { costMicros: null, tokens: null } }],
    ["/api/budget", { day: { costMicros: null, tokens: -1 } }],
    [
      "/api/budget/prices",
      { prices: [{ pattern: "a", input: -1, output: 0, cacheRead: 0, cacheWrite: 0 }], asOf: "2026-11-30" },
    ],
    ["/api/budget/prices", { prices: [], asOf: "yesterday" }],
  ])("are refused when they are not valid: %s %j", async (path, body) => {
    const answer = await cloud.ask(path, { method: "PUT", body, token: me.token });
    expect(answer.status).toBe(400);
    expect(errorBody.parse(await answer.json()).error.code).toBe("invalid_request");
  });
});

describe("[R51] prices", () => {
  it("are Samovar's own until they are changed, and again after a reset", async () => {
    expect(await read(priceTable, "/api/budget/prices", {}, "DELETE")).toEqual(DEFAULT_PRICES);
    const prices = [{ pattern: "tea-*", input: 1.25, output: 2, cacheRead: 0, cacheWrite: 0 }];
    expect(await read(priceTable, "/api/budget/prices", { prices, asOf: "2026-10-01" })).toEqual({
      prices,
      asOf: "2026-10-01",
      changedAt: clock.now(),
    });
    expect(await read(priceTable, "/api/budget/prices")).toMatchObject({ prices });
    expect(await read(priceTable, "/api/budget/prices", {}, "DELETE")).toEqual(DEFAULT_PRICES);
  });
});

describe("[security 2] a budget", () => {
  it("is its owner's alone: no other person sees or sets it, its projects or its prices", async () => {
    const run = await aRun();
    await recordMetered(db, run, metered(100), clock.now());
    const other = await anotherUser();
    const path = `/api/projects/${run.projectId}/budget`;
    const limits = { task: null, day: { costMicros: 1, tokens: null } };
    expect((await cloud.ask(path, { token: other.token })).status).toBe(404);
    expect((await cloud.ask(path, { method: "PUT", body: limits, token: other.token })).status).toBe(404);
    const theirs = budgetView.parse(await (await cloud.ask("/api/budget", { token: other.token })).json());
    expect(theirs).toMatchObject({ month: NOTHING_SPENT, projects: [] });
    const prices = priceTable.parse(await (await cloud.ask("/api/budget/prices", { token: other.token })).json());
    expect(prices).toEqual(DEFAULT_PRICES);
    for (const each of ["/api/budget", "/api/budget/prices", path]) expect((await cloud.ask(each)).status).toBe(401);
    expect((await read(projectBudgetView, path)).limits.day.costMicros).toBeNull();
  });
});
