/** What an agent offers, from the node's event to the agents that its owner sees. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import type { AgentCapabilities } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeAgent } from "../../agents/agents.ts";
import { database } from "../../database/index.ts";
import { createWorkspace } from "../../workspaces/store.ts";
import { nodeObject } from "./stub.ts";
import { aHolder, aNode, anOwner, connected, passTime, ring, stopClock } from "./node.fixture.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { NodeStorage } from "./storage.ts";

let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const offersOf = (name: string): AgentCapabilities => ({
  models: [{ id: name, name, description: null }],
  modes: [{ id: "plan", name: "Plan", description: "Changes nothing" }],
});
const runs = (each: SlotLease, on = nodeId) =>
  createWorkspace(env, { id: each.workspaceId, ownerId: owner, nodeId: on, agent: "claude" }, Date.now());
const started = ({ workspaceId, sessionId }: SlotLease, capabilities: AgentCapabilities | null) =>
  ({ kind: "session.started", workspaceId, sessionId, capabilities }) as const;
const shown = async () => (await describeAgent(database(env), owner, "claude"))?.capabilities;
const areShown = (capabilities: AgentCapabilities) =>
  vi.waitFor(async () => expect(await shown()).toEqual(capabilities));
/** It was tried once, in vain. */
const isOwed = () =>
  vi.waitFor(async () => {
    const owed = await runInDurableObject(nodeObject(env, nodeId), (_object, state) =>
      new NodeStorage(state.storage).pendingCapabilities(),
    );
    expect(owed).toMatchObject([{ workspaceId: lease.workspaceId, attempts: 1 }]);
  });

describe("what an agent offers", () => {
  it("is told with its first sign, and shown to its owner from then on", async () => {
    expect(await shown()).toBeNull();
    await ring(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    agent.tell(started(lease, offersOf("fast")), 1);
    await areShown(offersOf("fast"));
    const other = await anOwner();
    expect((await describeAgent(database(env), other, "claude"))?.capabilities).toBeNull();
  });

  it("gives way to a newer word, also from another node, never to an older one", async () => {
    await ring(nodeId);
    const first = await connected(nodeId);
    const second = await aHolder(owner);
    const elsewhere = await aNode(second, owner);
    await ring(elsewhere);
    const other = await connected(elsewhere);
    await runs(second, elsewhere);
    await env.DB.prepare("ALTER TABLE agent_offers RENAME TO away").run();
    await runs(lease);
    first.tell(started(lease, offersOf("old")), 1);
    await isOwed();
    await env.DB.prepare("ALTER TABLE away RENAME TO agent_offers").run();
    passTime(400);
    other.tell(started(second, offersOf("new")), 1);
    await areShown(offersOf("new"));
    passTime(1_000);
    await ring(nodeId);
    expect(await shown()).toEqual(offersOf("new"));
  });

  it("[F12] [F13] is written when D1 is back, whatever became of the object in between, and keeps nobody waiting", async () => {
    await ring(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    await env.DB.prepare("ALTER TABLE agent_offers RENAME TO away").run();
    agent.tell(started(lease, offersOf("fast")), 1);
    await isOwed();
    await expect(
      runInDurableObject(nodeObject(env, nodeId), (_object, state) => state.abort("killed")),
    ).rejects.toThrow();
    await env.DB.prepare("ALTER TABLE away RENAME TO agent_offers").run();
    passTime(60_000);
    await nodeObject(env, nodeId).ensureAlarm();
    await areShown(offersOf("fast"));
  });

  it("that says nothing changes nothing", async () => {
    await ring(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    agent.tell(started(lease, null), 1);
    await agent.next("ack");
    expect(await shown()).toBeNull();
  });
});
