/** How often an object checks its node's heartbeat, and what setting an alarm writes. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ids } from "../../../test/caller.ts";
import { countOperations } from "../../../test/operation-counter.ts";
import { migrateObject } from "../../database/migrate-object.ts";
import { NamedAlarms } from "./alarms.ts";
import { HEARTBEAT_ALARM, HEARTBEAT_TIMEOUT_MS } from "./link.ts";
import { NODE_MIGRATIONS } from "./migrations.ts";
import { aHolder, aNode, anOwner, connected, fireAlarm, passTime, stopClock } from "./node.testing.ts";
import type { Agent } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { NodeStorage } from "./storage.ts";
import { getNodeObject } from "./stub.ts";

const CHECK_MS = 10 * 60_000;
let owner: UserId;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

async function anIdleNode(): Promise<{ readonly nodeId: NodeId; readonly agent: Agent }> {
  const lease = await aHolder(owner);
  const nodeId = await aNode(lease, owner);
  await fireAlarm(nodeId);
  const agent = await connected(nodeId);
  await getNodeObject(env, nodeId).release(lease.workspaceId);
  passTime(HEARTBEAT_TIMEOUT_MS - 1);
  await ping(agent);
  await fireAlarm(nodeId);
  passTime(1);
  await fireAlarm(nodeId);
  return { nodeId, agent };
}

/** Not the text that the platform answers by itself, whose time is of its own clock. */
async function ping(agent: Agent): Promise<void> {
  agent.send({ type: "ping", again: true });
  await agent.next("pong");
}

const checkedIn = (nodeId: NodeId): Promise<number> =>
  runInDurableObject(
    getNodeObject(env, nodeId),
    (_object, { storage }) => (new NamedAlarms(storage).dueAt(HEARTBEAT_ALARM) ?? 0) - Date.now(),
  );

describe("a node's heartbeat", () => {
  it("[R54] is checked every ten minutes while the node is idle, and at its timeout from the moment it gets work", async () => {
    const { nodeId } = await anIdleNode();
    expect(await checkedIn(nodeId)).toBe(CHECK_MS);
    expect(await getNodeObject(env, nodeId).reserve(await aHolder(owner))).toEqual({ granted: true });
    expect(await checkedIn(nodeId)).toBe(HEARTBEAT_TIMEOUT_MS - 1);
  });

  it("is checked before an idle node gets work: one that has been silent gets none", async () => {
    const { nodeId, agent } = await anIdleNode();
    passTime(HEARTBEAT_TIMEOUT_MS);
    const reply = await getNodeObject(env, nodeId).reserve(await aHolder(owner));
    expect(reply).toEqual({ granted: false, reason: "not_accepting" });
    await vi.waitFor(() => expect(agent.closedWith).toBe(1001));
    expect(await getNodeObject(env, nodeId).view()).toMatchObject({ unreachableSince: Date.now() });
  });
});

describe("named alarms", () => {
  const inObject = (work: (storage: DurableObjectStorage) => Promise<void>) =>
    runInDurableObject(getNodeObject(env, ids.make("nod")), (_object, { storage }) => {
      migrateObject(storage, NODE_MIGRATIONS);
      return work(storage);
    });

  it("[R54] [N1] write nothing for an alarm that is set already, and set one again that fired or may be lost", async () => {
    await inObject(async (storage) => {
      const alarms = new NamedAlarms(storage);
      const counter = await countOperations();
      const written = (work: () => void) => {
        const before = counter.read().objectRowsWritten;
        work();
        return counter.read().objectRowsWritten - before;
      };
      const at = Date.now() + 60_000;
      try {
        alarms.set("one", at);
        expect(written(() => alarms.arm())).toBe(1);
        expect(await storage.getAlarm()).toBe(at);
        expect(written(() => (alarms.set("one", at), alarms.arm()))).toBe(0);
        await storage.deleteAlarm();
        alarms.forget();
        alarms.arm();
        expect(await storage.getAlarm()).toBe(at);
        expect(written(() => (alarms.set("one", at + 1), alarms.arm()))).toBe(2);
        expect(await storage.getAlarm()).toBe(at + 1);
      } finally {
        counter.stop();
      }
    });
  });

  it("[N1] set an alarm again whose transaction was rolled back", async () => {
    await inObject(async (storage) => {
      const alarms = new NamedAlarms(storage);
      const node = new NodeStorage(storage, () => alarms.forget());
      const at = Date.now() + 60_000;
      alarms.set("one", at);
      const failing = () =>
        node.atomically(() => {
          alarms.arm();
          throw new Error("rolled back");
        });
      expect(failing).toThrow("rolled back");
      alarms.arm();
      expect(await storage.getAlarm()).toBe(at);
    });
  });
});
