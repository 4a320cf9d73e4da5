/** An agent's capabilities, from the node's event to the list that its owner sees. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import type { AgentCapabilities } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeAgent } from "../../agents/agents.ts";
import { database } from "../../database/index.ts";
import { createWorkspace } from "../../workspaces/store.ts";
import { getNodeObject } from "./stub.ts";
import { aHolder, aNode, anOwner, connected, passTime, fireAlarm, stopClock } from "./node.fixture.ts";
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

const capabilitiesNamed = (name: string): AgentCapabilities => ({
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
/** One attempt has failed. */
const isPending = () =>
  vi.waitFor(async () => {
    const pending = await runInDurableObject(getNodeObject(env, nodeId), (_object, state) =>
      new NodeStorage(state.storage).pendingCapabilities(),
    );
    expect(pending).toMatchObject([{ workspaceId: lease.workspaceId, attempts: 1 }]);
  });

describe("an agent's capabilities", () => {
  it("are reported with its first response and shown to its owner from then on", async () => {
    expect(await shown()).toBeNull();
    await fireAlarm(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    agent.report(started(lease, capabilitiesNamed("fast")), 1);
    await areShown(capabilitiesNamed("fast"));
    const other = await anOwner();
    expect((await describeAgent(database(env), other, "claude"))?.capabilities).toBeNull();
  });

  it("are replaced by a newer report, also from another node, never by an older one", async () => {
    await fireAlarm(nodeId);
    const first = await connected(nodeId);
    const second = await aHolder(owner);
    const elsewhere = await aNode(second, owner);
    await fireAlarm(elsewhere);
    const other = await connected(elsewhere);
    await runs(second, elsewhere);
    await env.DB.prepare("ALTER TABLE agent_capabilities RENAME TO away").run();
    await runs(lease);
    first.report(started(lease, capabilitiesNamed("old")), 1);
    await isPending();
    await env.DB.prepare("ALTER TABLE away RENAME TO agent_capabilities").run();
    passTime(400);
    other.report(started(second, capabilitiesNamed("new")), 1);
    await areShown(capabilitiesNamed("new"));
    passTime(1_000);
    await fireAlarm(nodeId);
    expect(await shown()).toEqual(capabilitiesNamed("new"));
  });

  it("[F12] [F13] are written when D1 is back, even if the object was evicted meanwhile, and delay nothing else", async () => {
    await fireAlarm(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    await env.DB.prepare("ALTER TABLE agent_capabilities RENAME TO away").run();
    agent.report(started(lease, capabilitiesNamed("fast")), 1);
    await isPending();
    await expect(
      runInDurableObject(getNodeObject(env, nodeId), (_object, state) => state.abort("killed")),
    ).rejects.toThrow();
    await env.DB.prepare("ALTER TABLE away RENAME TO agent_capabilities").run();
    passTime(60_000);
    await getNodeObject(env, nodeId).ensureAlarm();
    await areShown(capabilitiesNamed("fast"));
  });

  it("that are not reported change nothing", async () => {
    await fireAlarm(nodeId);
    const agent = await connected(nodeId);
    await runs(lease);
    agent.report(started(lease, null), 1);
    await agent.next("ack");
    expect(await shown()).toBeNull();
  });
});
