/** The pool's history, the cost of nodes and the prices of sizes. */
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { page, poolHistory, sizeOffer, spending } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tokenOf } from "../../test/caller.ts";
import type * as z from "zod";
import { database } from "../database/index.ts";
import { createApp } from "../app.ts";
import {
  aHolder,
  aNode,
  anOwner,
  connected,
  passTime,
  fireAlarm,
  START,
  stopClock,
} from "./durable-object/node.fixture.ts";
import { scriptedCloud } from "./durable-object/scripted-cloud.ts";
import type { ScriptedCloud } from "./durable-object/scripted-cloud.ts";
import { deleteOldChanges, listChanges } from "./history.ts";
import { ORIGIN } from "../../test/caller.ts";
import { getNodeObject } from "./durable-object/stub.ts";
import { findNode } from "./store.ts";

const HOUR = 3_600_000;
const db = database(env);
const app = createApp();
let cloud: ScriptedCloud;
let owner: UserId;
let lease: SlotLease;
let token: string;

beforeEach(async () => {
  stopClock();
  cloud = scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  token = await tokenOf(owner);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function ask<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>> {
  const answer = await app.request(`${ORIGIN}/api${path}`, { headers: { authorization: `Bearer ${token}` } }, env);
  expect(answer.status).toBe(200);
  return schema.parse(await answer.json());
}
const rowIs = (id: NodeId, state: string) =>
  vi.waitFor(async () => expect((await findNode(db, id))?.state).toBe(state));
const stored = async (id: NodeId) =>
  (await listChanges(db, owner, 0))
    .filter(({ nodeId }) => nodeId === id)
    .map(({ state, tasks, at }) => `${at - START} ${state} ${tasks}`);

/** Active from the first minute, idle after two hours, destroyed after three. */
async function aWholeLife(): Promise<NodeId> {
  const id = await aNode(lease, owner);
  await rowIs(id, "provisioning");
  await fireAlarm(id);
  passTime(60_000);
  await connected(id);
  await rowIs(id, "active");
  passTime(2 * HOUR - 60_000);
  await getNodeObject(env, id).release(lease.workspaceId);
  await vi.waitFor(async () => expect((await findNode(db, id))?.taskIds).toEqual([]));
  passTime(HOUR);
  await getNodeObject(env, id).destroy("Enough.");
  await rowIs(id, "destroying");
  passTime(1_000);
  await fireAlarm(id);
  passTime(60_000);
  await fireAlarm(id);
  await rowIs(id, "destroyed");
  return id;
}

describe("the pool's history", () => {
  it("[R33] has each change of a node's state and tasks, and nothing else", async () => {
    const id = await aNode(lease, owner);
    await rowIs(id, "provisioning");
    await fireAlarm(id);
    await vi.waitFor(async () => expect((await findNode(db, id))?.serverId).not.toBeNull());
    passTime(5_000);
    const agent = await connected(id);
    await rowIs(id, "active");
    agent.report(
      {
        kind: "outbox.stats",
        sessionId: lease.sessionId,
        stats: { pending: 3, deadLetters: 0, lastDeadLetterReason: null },
      },
      1,
    );
    await vi.waitFor(async () => expect((await findNode(db, id))?.outbox.pending).toBe(3));
    expect(await stored(id)).toEqual(["0 provisioning 1", "5000 active 1"]);
  });

  it("is divided into buckets, without other users' nodes", async () => {
    await aWholeLife();
    const { buckets, bucketMs } = await ask("/nodes/history?hours=6", poolHistory);
    expect(buckets.length * bucketMs).toBe(6 * HOUR);
    const sum = (kind: "working" | "warm" | "booting") => buckets.reduce((all, bucket) => all + bucket[kind], 0);
    expect(Math.abs(sum("working") * bucketMs - 2 * HOUR)).toBeLessThanOrEqual(bucketMs);
    expect(Math.abs(sum("warm") * bucketMs - HOUR)).toBeLessThanOrEqual(2 * bucketMs);
    token = await tokenOf(await anOwner());
    expect((await ask("/nodes/history", poolHistory)).buckets.every(({ working }) => working === 0)).toBe(true);
  });

  it("drops what ended two days ago, never a current state", async () => {
    const other = await aHolder(owner);
    const ended = await aWholeLife();
    const living = await aNode(other, owner);
    await rowIs(living, "provisioning");
    await vi.waitFor(async () => expect(await stored(living)).toHaveLength(1));
    passTime(49 * HOUR);
    expect(await deleteOldChanges(db, Date.now())).toBeGreaterThan(0);
    expect(await stored(ended)).toEqual([]);
    expect(await stored(living)).toHaveLength(1);
    expect((await ask("/nodes/history", poolHistory)).buckets.every(({ booting }) => booting === 1)).toBe(true);
  });
});

describe("the cost of nodes", () => {
  it("[R33] counts every hour begun, including destroyed nodes", async () => {
    await aWholeLife();
    const today = await ask(`/nodes/cost?since=${START - HOUR}`, spending);
    expect(today).toMatchObject({ nodes: 1, spent: [{ currency: "EUR" }] });
    // Three hours and a minute.
    expect(Number(today.spent[0]?.amount)).toBeCloseTo(0.04);
    expect((await ask(`/nodes/cost?since=${START + 5 * HOUR}`, spending)).nodes).toBe(0);
  });

  it("of a size is known before a node exists, requested once, and unknown while the provider is unavailable", async () => {
    cloud.put("GET /server_types", "no_answer", "no_answer", "no_answer", "no_answer", "no_answer", "no_answer");
    const unknown = await ask("/sizes", page(sizeOffer));
    expect(unknown.items.map(({ size, pricePerHour }) => [size, pricePerHour])).toEqual([
      ["small", null],
      ["medium", null],
      ["large", null],
    ]);
    vi.unstubAllGlobals();
    cloud = scriptedCloud();
    const listed = await ask("/sizes", page(sizeOffer));
    expect(listed.items[0]).toEqual({
      size: "small",
      serverType: "t",
      cores: 32,
      memoryGb: 128,
      pricePerHour: { amount: "0.01", currency: "EUR" },
    });
    const asked = cloud.calls.length;
    expect(await ask("/sizes", page(sizeOffer))).toEqual(listed);
    expect(cloud.calls.length).toBe(asked);
  });
});
