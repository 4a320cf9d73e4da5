/** Choosing a node, also concurrently. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import type { SlotLease } from "@samovar/domain/node-record";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getConfig } from "../config.ts";
import { database } from "../database/index.ts";
import { nodes } from "../database/schema.ts";
import { aHolder, anOwner, connected, passTime, fireAlarm, stopClock } from "../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { NodeStorage } from "../nodes/durable-object/storage.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { findWorkspace } from "./store.ts";
import { chooseNode } from "./choose-node.ts";

const config = getConfig(env);
const db = database(env);
let owner: UserId;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const choose = (lease: SlotLease, size: "small" | "large" = "small") =>
  chooseNode(env, { ownerId: owner, size, lease });
const rows = () => db.select().from(nodes).where(eq(nodes.ownerId, owner));
const idOf = (choice: Awaited<ReturnType<typeof choose>>): NodeId =>
  "nodeId" in choice ? choice.nodeId : expect.fail(JSON.stringify(choice));
const slotsOf = (nodeId: NodeId) =>
  runInDurableObject(
    getNodeObject(env, nodeId),
    (_object, state) => new NodeStorage(state.storage).node()?.record.slots.map((slot) => slot.lease.workspaceId) ?? [],
  );

async function warmed(lease: SlotLease): Promise<NodeId> {
  const nodeId = idOf(await choose(lease));
  await connected(nodeId);
  await getNodeObject(env, nodeId).release(lease.workspaceId);
  passTime(config.NODE_IDLE_GRACE_MS);
  await fireAlarm(nodeId);
  await vi.waitFor(async () => expect((await rows()).find((row) => row.id === nodeId)?.state).toBe("warm"));
  return nodeId;
}

describe("chooseNode", () => {
  it("[R23] makes the first node, and takes a warm one of the size next", async () => {
    const lease = await aHolder(owner);
    expect(await choose(lease)).toMatchObject({ how: "new" });
    const other = await warmed(lease);
    expect(await choose(await aHolder(owner))).toEqual({ nodeId: other, how: "warm", unanswered: [] });
    expect(await choose(await aHolder(owner), "large")).toMatchObject({ how: "new" });
  });

  it("[F45] returns the same slot for a repeated request", async () => {
    const lease = await aHolder(owner);
    const answers = [await choose(lease), await choose(lease), await choose(lease)];
    expect(new Set(answers.map(idOf)).size).toBe(1);
    expect(await slotsOf(idOf(await choose(lease)))).toEqual([lease.workspaceId]);
    expect(await findWorkspace(db, lease.workspaceId)).toMatchObject({
      nodeId: idOf(await choose(lease)),
      state: "creating",
    });
    expect(await rows()).toHaveLength(1);
  });

  it("[N2] twenty concurrent requests share seven nodes of three slots, each slot taken once", async () => {
    const leases = await Promise.all(Array.from({ length: 20 }, () => aHolder(owner)));
    const choices = await Promise.all(leases.map((lease) => choose(lease)));
    const chosen = new Set(choices.map(idOf));
    expect(chosen.size).toBe(Math.ceil(20 / config.NODE_SLOTS));
    expect(await rows()).toHaveLength(chosen.size);
    const held = (await Promise.all([...chosen].map(slotsOf))).flat();
    expect(held.toSorted()).toEqual(leases.map((lease) => lease.workspaceId).toSorted());
  });

  it("[R26] waits when the owner is at the limit of nodes, and leaves no intent behind", async () => {
    const tight = { ...env, MAX_NODES_PER_USER: "2" };
    const leases = await Promise.all(Array.from({ length: 2 * config.NODE_SLOTS + 2 }, () => aHolder(owner)));
    const choices = await Promise.all(
      leases.map(async (lease) => ({
        lease,
        choice: await chooseNode(tight, { ownerId: owner, size: "small", lease }),
      })),
    );
    const waiting = choices.filter(({ choice }) => "wait" in choice);
    expect(waiting).toHaveLength(2);
    expect(await rows()).toHaveLength(2);
    for (const { lease } of waiting) expect(await findWorkspace(db, lease.workspaceId)).toBeNull();
  });

  it("[F20] a choice that was cut off between its intent and its row goes on with the same node", async () => {
    const lease = await aHolder(owner);
    const nodeId = idOf(await choose(lease));
    await db.delete(nodes).where(eq(nodes.id, nodeId));
    expect(idOf(await choose(lease))).toBe(nodeId);
  });

  it("never takes another user's warm node", async () => {
    await warmed(await aHolder(owner));
    owner = await anOwner();
    expect(await choose(await aHolder(owner))).toMatchObject({ how: "new" });
  });
});

/** The control plane as a run sees it while the objects of these nodes do not answer. */
function without(dead: (nodeId: string) => boolean, fault: () => Promise<never>): typeof env {
  const namespace = new Proxy(env.NODE_LIFECYCLE, {
    get: (real, name) => {
      if (name !== "get") {
        const value: unknown = Reflect.get(real, name);
        return typeof value === "function" ? value.bind(real) : value;
      }
      return (id: DurableObjectId) =>
        dead(id.name ?? "") ? { provision: fault, reserve: fault, release: fault, facts: fault } : real.get(id);
    },
  });
  return { ...env, NODE_LIFECYCLE: namespace };
}
const broken = () => Promise.reject(new Error("the object is overloaded"));

describe("[T1] an unusable node", () => {
  it("that was released is not chosen again, though it has an available slot", async () => {
    const lease = await aHolder(owner);
    const first = idOf(await choose(lease));
    await getNodeObject(env, first).release(lease.workspaceId);
    const input = { ownerId: owner, size: "small" as const, lease, avoid: [first] };
    const second = idOf(await chooseNode(env, input));
    expect(second).not.toBe(first);
    expect(idOf(await chooseNode(env, input))).toBe(second);
    expect(await slotsOf(first)).toEqual([]);
    expect((await findWorkspace(db, lease.workspaceId))?.nodeId).toBe(second);
  });

  it("whose object throws is passed over, and named: a slot may be held there", async () => {
    const warm = await warmed(await aHolder(owner));
    const lease = await aHolder(owner);
    const choice = await chooseNode(
      without((id) => id === warm, broken),
      { ownerId: owner, size: "small", lease },
    );
    expect(choice).toMatchObject({ how: "new", unanswered: [warm] });
    expect(idOf(choice)).not.toBe(warm);
  });

  it("whose row was written but which never started is reported as unreachable, and leaves one row", async () => {
    const lease = await aHolder(owner);
    const down = without(() => true, broken);
    const choice = await chooseNode(down, { ownerId: owner, size: "small", lease });
    const [row] = await rows();
    expect(choice).toEqual({ unreachable: row?.id, unanswered: [row?.id] });
    expect(await rows()).toHaveLength(1);
    // A repeated call continues with its intent.
    expect(await chooseNode(down, { ownerId: owner, size: "small", lease })).toEqual(choice);
    expect(idOf(await choose(lease))).toBe(row?.id);
  });

  it("that has been silent for half a minute is passed over", async () => {
    const nodeId = await warmed(await aHolder(owner));
    await db
      .update(nodes)
      .set({ unreachableSince: Date.now() - 30_000 })
      .where(eq(nodes.id, nodeId));
    expect(await choose(await aHolder(owner))).toMatchObject({ how: "new", unanswered: [] });
  });
});
