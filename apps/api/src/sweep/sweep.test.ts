/** The sweep, phase by phase, against a scripted cloud. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import type { SlotLease } from "@samovar/domain/node-record";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf, ids } from "../../test/caller.ts";
import { getConfig } from "../config.ts";
import { deleteCredential, putCredential } from "../credentials/store.ts";
import { depsFor } from "../deps.ts";
import { database } from "../database/index.ts";
import { nodes, sweepRuns } from "../database/schema.ts";
import { toServerName } from "../nodes/server-name.ts";
import { chooseNode } from "../workspaces/choose-node.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { findNode, insertNode } from "../nodes/store.ts";
import { aHolder, anOwner, connected, passTime, fireAlarm, stopClock } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import type { ScriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { findWorkspace, setWorkspaceState } from "../workspaces/store.ts";
import type { Phase } from "./phase.ts";
import { PHASES, runSweep } from "./sweep.ts";

const config = getConfig(env);
const db = database(env);
const OLD = config.SWEEP_GRACE_MS + 1_000;
let cloud: ScriptedCloud;
let owner: UserId;
let lease: SlotLease;

beforeEach(async () => {
  stopClock();
  cloud = scriptedCloud();
  await env.DB.batch([
    env.DB.prepare("DELETE FROM credentials"),
    env.DB.prepare("UPDATE nodes SET state = 'destroyed'"),
  ]);
  owner = await anOwner();
  lease = await aHolder(owner);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const only = (...names: string[]): Record<string, Phase> =>
  Object.fromEntries(Object.entries(PHASES).filter(([name]) => names.includes(name)));
const sweep = async (...names: string[]) => runSweep(env, Date.now(), only(...names));
const rowIs = (nodeId: NodeId, state: string) =>
  vi.waitFor(async () => expect((await findNode(db, nodeId))?.state).toBe(state));

async function working(): Promise<NodeId> {
  const choice = await chooseNode(env, { ownerId: owner, size: "small", lease });
  const nodeId = "nodeId" in choice ? choice.nodeId : expect.fail(JSON.stringify(choice));
  await fireAlarm(nodeId);
  await connected(nodeId);
  await rowIs(nodeId, "active");
  return nodeId;
}

describe("phases", () => {
  it("[F17] are independent: one that throws is recorded with its reason, the others do their work", async () => {
    const reports = await runSweep(env, Date.now(), {
      broken: async () => Promise.reject(new Error("no such luck")),
      sound: async () => ({ found: 3, acted: 2 }),
    });
    expect(reports).toEqual([
      { phase: "broken", ok: false, found: 0, acted: 0, error: "no such luck" },
      { phase: "sound", ok: true, found: 3, acted: 2, error: null },
    ]);
    const [good] = await db.select().from(sweepRuns).where(eq(sweepRuns.phase, "sound"));
    expect(good).toMatchObject({ ok: true, found: 3, acted: 2, lastSuccessAt: Date.now() });
    passTime(1_000);
    await runSweep(env, Date.now(), { sound: async () => Promise.reject(new Error("later")) });
    const [later] = await db.select().from(sweepRuns).where(eq(sweepRuns.phase, "sound"));
    expect(later, "the last success is remembered").toMatchObject({
      ok: false,
      error: "later",
      lastSuccessAt: Date.now() - 1_000,
    });
  });
});

describe("stale nodes", () => {
  it("[F15] [N1] a warm node whose alarm was lost is woken and goes", async () => {
    const nodeId = await working();
    await getNodeObject(env, nodeId).release(lease.workspaceId);
    passTime(config.NODE_IDLE_GRACE_MS);
    await fireAlarm(nodeId);
    await rowIs(nodeId, "warm");
    await runInDurableObject(getNodeObject(env, nodeId), (_object, state) => state.storage.deleteAlarm());
    passTime(config.NODE_WARM_TIMEOUT_MS + 120_000);
    expect(await sweep("stale-nodes")).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    await fireAlarm(nodeId);
    await rowIs(nodeId, "destroying");
  });

  it("[F20] a row whose node never started is closed", async () => {
    const id = ids.make("nod");
    await insertNode(
      db,
      {
        id,
        ownerId: owner,
        name: toServerName(id),
        provider: "hetzner",
        size: "small",
        slots: 3,
        createdAt: Date.now(),
        maxLifetimeAt: Date.now(),
      },
      { maxNodes: 99, tried: [] },
    );
    passTime(config.NODE_BOOT_TIMEOUT_MS + 120_000);
    await sweep("stale-nodes");
    expect(await findNode(db, id)).toMatchObject({ state: "destroyed", destroyedAt: Date.now() });
  });
});

describe("unknown servers", () => {
  it("[N1] are deleted when they are ours, old enough, and no living node's", async () => {
    const nodeId = await working();
    passTime(OLD);
    const lost = cloud.add({ name: "samovar-lost", ageMs: OLD });
    const young = cloud.add({ name: "samovar-young", ageMs: 60_000 });
    expect(await sweep("unknown-servers")).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    expect(cloud.servers.has(lost)).toBe(false);
    expect(cloud.servers.has(young)).toBe(true);
    expect([...cloud.servers.values()].some((server) => server.name === toServerName(nodeId))).toBe(true);
  });

  it("[N1] a second server of a node's name is unknown, the node's own is not", async () => {
    const nodeId = await working();
    const own = Number((await findNode(db, nodeId))?.serverId);
    const second = cloud.add({ name: toServerName(nodeId), ageMs: -OLD });
    passTime(3 * OLD);
    expect(await sweep("unknown-servers")).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    expect([...cloud.servers.keys()]).toEqual([own]);
    expect(second).not.toBe(own);
  });

  it("[N1] the server of a node that counts as destroyed is unknown too", async () => {
    const nodeId = await working();
    await db.update(nodes).set({ state: "destroyed" }).where(eq(nodes.id, nodeId));
    passTime(OLD);
    await sweep("unknown-servers");
    expect(cloud.servers.size).toBe(0);
  });

  it("[F26] [N3] another installation's server and one without a label are never touched", async () => {
    cloud.add({ name: "foreign", labels: { "samovar-installation": "another" }, ageMs: OLD });
    cloud.add({ name: "unlabelled", labels: {}, ageMs: OLD });
    expect(await sweep("unknown-servers")).toMatchObject([{ ok: true, found: 0, acted: 0 }]);
    expect(cloud.calls.some((call) => call.startsWith("DELETE"))).toBe(false);
  });

  it("[F25] [N3] a list that fails deletes nothing; one owner's failure does not stop another's", async () => {
    await anOwner();
    cloud.put("GET /servers", { status: 500, code: "server_error" });
    cloud.add({ name: "samovar-lost", ageMs: OLD });
    const [report] = await sweep("unknown-servers");
    expect(report).toMatchObject({ ok: false });
    expect(report?.error).toContain("server_error");
    expect(cloud.servers.size, "the second owner's list was whole").toBe(0);
    cloud.add({ name: "samovar-lost", ageMs: OLD });
    cloud.put("GET /servers", "no_answer", "no_answer");
    await sweep("unknown-servers");
    expect(cloud.servers.size).toBe(1);
  });
});

describe("a change of the provider", () => {
  const useDigitalOcean = () =>
    putCredential(depsFor(env), actorOf(owner), { kind: "digitalocean", token: "another-token-of-the-tests" });

  it("[N1] [N2] leaves living nodes where they are: each provider is asked for its own", async () => {
    const first = await working();
    await useDigitalOcean();
    await deleteCredential(depsFor(env), actorOf(owner), "hetzner");
    lease = await aHolder(owner);
    await db.update(nodes).set({ taken: 3 }).where(eq(nodes.id, first));
    const second = await working();
    await putCredential(depsFor(env), actorOf(owner), { kind: "hetzner", token: "the-token-of-the-tests" });
    expect(await findNode(db, first)).toMatchObject({ provider: "hetzner", location: "here" });
    expect(await findNode(db, second)).toMatchObject({
      provider: "digitalocean",
      location: "fra1",
      priceAmount: "0.75",
      priceCurrency: "USD",
    });
    expect([...cloud.droplets.values()]).toMatchObject([
      {
        name: toServerName(second),
        tags: [`samovar-installation:${config.INSTALLATION_ID}`, `samovar-node:${second.replace("_", "_5f")}`],
      },
    ]);

    passTime(OLD);
    expect(await sweep("gone-servers", "unknown-servers")).toMatchObject([
      { ok: true, found: 0 },
      { ok: true, found: 0 },
    ]);
    await getNodeObject(env, second).destroy("no longer needed");
    await getNodeObject(env, first).destroy("no longer needed");
    for (const nodeId of [first, second]) {
      // The provider accepts, and at the next look has no such server.
      await fireAlarm(nodeId);
      passTime(60_000);
      await fireAlarm(nodeId);
      await rowIs(nodeId, "destroyed");
    }
    expect([cloud.servers.size, cloud.droplets.size]).toEqual([0, 0]);
  });

  it("[N1] finds lost droplets and gone ones too, and one provider's failure does not stop the other", async () => {
    await useDigitalOcean();
    const lost = (id: number) => ({
      id,
      name: "samovar-lost",
      tags: [`samovar-installation:${config.INSTALLATION_ID}`],
      userData: "",
      created: new Date(Date.now() - OLD).toISOString(),
    });
    cloud.droplets.set(1, lost(1));
    cloud.droplets.set(2, { ...lost(2), tags: ["samovar-installation:another"] });
    cloud.put("GET /servers", { status: 500, code: "server_error" });
    const [report] = await sweep("unknown-servers");
    expect(report).toMatchObject({ ok: false, error: expect.stringMatching(/hetzner.*server_error/) });
    expect([...cloud.droplets.keys()]).toEqual([2]);
  });
});

describe("gone servers", () => {
  it("[T1] a node whose server is gone is destroyed, and its run observes that", async () => {
    const nodeId = await working();
    passTime(600_000);
    cloud.servers.clear();
    expect(await sweep("gone-servers")).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    expect(await getNodeObject(env, nodeId).observe(lease.workspaceId)).toMatchObject({
      workspace: { state: "failed", failure: { code: "node_destroyed" } },
    });
    await fireAlarm(nodeId);
    await rowIs(nodeId, "destroyed");
  });

  it("[F25] [N2] a server that is only missing from the list is left alone", async () => {
    const nodeId = await working();
    passTime(600_000);
    const [[id, server]] = [...cloud.servers] as [[number, NonNullable<ReturnType<typeof cloud.servers.get>>]];
    cloud.servers.set(id, { ...server, labels: {} });
    expect(await sweep("gone-servers")).toMatchObject([{ ok: true, found: 1, acted: 0 }]);
    expect(await getNodeObject(env, nodeId).view()).toMatchObject({ state: "active" });
  });
});

describe("retained workspaces", () => {
  it("[R30] are destroyed after their retention period; a silent node does not hold the slot for ever", async () => {
    const nodeId = await working();
    await setWorkspaceState(env, lease.workspaceId, "retained", { retainedUntil: Date.now() + 1_000 });
    expect(await sweep("retained-workspaces")).toMatchObject([{ found: 0 }]);
    passTime(2_000);
    expect(await sweep("retained-workspaces")).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    expect(await findWorkspace(db, lease.workspaceId)).toMatchObject({ state: "destroying" });
    passTime(config.NODE_UNREACHABLE_TIMEOUT_MS + 1_000);
    await sweep("retained-workspaces");
    expect(await findWorkspace(db, lease.workspaceId)).toMatchObject({ state: "destroyed" });
    expect((await getNodeObject(env, nodeId).view())?.taskIds).toEqual([]);
  });
});
