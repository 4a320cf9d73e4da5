/** The objects of destroyed nodes are emptied after the grace, and no later call brings anything back. */
import { env } from "cloudflare:workers";
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { sha256 } from "@samovar/base/sha256";
import { deliveryReply, LINK_CLOSE, NOTHING_METERED } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { controlPlane, ids, tokenOf } from "../../test/caller.ts";
import { getConfig } from "../config.ts";
import { database } from "../database/index.ts";
import { nodeHistory } from "../database/schema.ts";
import { mintWorkspaceToken } from "../identity/node-tokens.ts";
import {
  aHolder,
  aNode,
  anOwner,
  connect,
  connected,
  createCommand,
  fireAlarm,
  passTime,
  stopClock,
} from "../nodes/durable-object/node.testing.ts";
import { NodeStorage } from "../nodes/durable-object/storage.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { findNode } from "../nodes/store.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { sweepDestroyedNodes } from "./destroyed-nodes.ts";
import { runSweep } from "./sweep.ts";

const { LATE_DELIVERY_GRACE_MS, NODE_SLOTS } = getConfig(env);
const db = database(env);
const { ask, deps } = controlPlane();

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  await env.DB.prepare("UPDATE nodes SET state = 'destroyed', object_deleted_at = 1").run();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const sweep = () => runSweep(env, Date.now(), { destroyed: sweepDestroyedNodes });

/** What is stored in the node's object, apart from the platform's own tables. */
const stored = (stub: ReturnType<typeof getNodeObject>) =>
  runInDurableObject(stub, async (_object, { storage }) => ({
    tables: storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray()
      .map(({ name }) => name),
    alarm: await storage.getAlarm(),
  }));
const NOTHING = { tables: [], alarm: null };

async function destroyedNode() {
  const ownerId = await anOwner();
  const lease = await aHolder(ownerId);
  const { projectId, sessionId, taskId, workspaceId } = lease;
  const project = getProjectData({ env }, projectId);
  await project.createSession({ projectId, sessionId, taskId, firstMessage: null });
  const nodeId = await aNode(lease, ownerId);
  await fireAlarm(nodeId);
  await connected(nodeId);
  await project.linkWorkspace(sessionId, workspaceId);
  const node = getNodeObject(env, nodeId);
  await node.destroy("Destroyed on request.");
  await vi.waitFor(async () => {
    await fireAlarm(nodeId);
    passTime(1_000);
    expect(await findNode(db, nodeId)).toMatchObject({ state: "destroyed", objectDeletedAt: null });
  });
  const claims = { workspace: workspaceId, project: projectId, session: sessionId, node: nodeId, epoch: 1 };
  const deliver = async () =>
    ask(`/api/workspaces/${workspaceId}/messages`, {
      body: { messages: [{ messageId: ids.messageId(), sessionId, role: "assistant", content: "Late" }] },
      token: (await mintWorkspaceToken(deps.config, claims, Date.now())).token,
    });
  return { ownerId, lease, nodeId, node, deliver };
}

describe("a destroyed node's object", () => {
  it("is emptied once the grace for late deliveries is over; its row and its history stay", async () => {
    const { ownerId, nodeId, node, deliver } = await destroyedNode();
    expect(await sweep(), "too early").toMatchObject([{ ok: true, found: 0 }]);
    expect((await stored(node)).tables).toContain("node");
    passTime(LATE_DELIVERY_GRACE_MS - 60_000);
    expect(deliveryReply.parse(await (await deliver()).json()), "within its grace").toMatchObject({ persisted: 1 });
    passTime(60_000);
    expect(await sweep()).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
    expect(await stored(node)).toEqual(NOTHING);
    expect(await findNode(db, nodeId)).toMatchObject({ state: "destroyed", objectDeletedAt: Date.now() });
    const history = await db.select().from(nodeHistory).where(eq(nodeHistory.nodeId, nodeId));
    expect(history.map(({ state }) => state)).toContain("destroyed");
    expect(await sweep(), "once").toMatchObject([{ found: 0 }]);
    const shown = await ask(`/api/nodes/${nodeId}`, { token: await tokenOf(ownerId) });
    const view = (await shown.json()) as Record<string, unknown>;
    expect(view).toMatchObject({ state: "destroyed" });
    expect(Object.keys(view)).not.toContain("objectDeletedAt");
  });

  it("a delivery within the grace is decided by the project's object, even if the node's is gone", async () => {
    const { nodeId, node, deliver } = await destroyedNode();
    await runInDurableObject(node, (_object, { storage }) => storage.deleteAll());
    await abortAllDurableObjects();
    expect(deliveryReply.parse(await (await deliver()).json())).toMatchObject({ persisted: 1 });
    passTime(LATE_DELIVERY_GRACE_MS);
    expect((await deliver()).status).toBe(401);
    expect(await stored(getNodeObject(env, nodeId))).toEqual(NOTHING);
  });

  it("stays while an effect is not delivered", async () => {
    const { lease, node } = await destroyedNode();
    passTime(LATE_DELIVERY_GRACE_MS);
    await runInDurableObject(node, (_object, { storage }) =>
      new NodeStorage(storage).addMetering(lease, { ...NOTHING_METERED, calls: 1 }, Date.now() + 60_000),
    );
    expect(await sweep()).toMatchObject([{ ok: true, found: 1, acted: 0 }]);
    expect((await stored(node)).tables).toContain("node");
  });

  it.each(["in memory", "constructed again"])(
    "[N1] no call to it afterwards stores anything or brings the node back (%s)",
    async (how) => {
      const { ownerId, lease, nodeId } = await destroyedNode();
      passTime(LATE_DELIVERY_GRACE_MS);
      await sweep();
      if (how === "constructed again") await abortAllDurableObjects();
      const node = getNodeObject(env, nodeId);
      const token = await tokenOf(ownerId);
      await node.provision({ provider: "hetzner", nodeId, ownerId, name: "again", size: "small", lease });
      expect(await node.reserve(lease)).toEqual({ granted: false, reason: "gone" });
      await node.release(lease.workspaceId);
      await node.retain(lease.workspaceId);
      await node.enqueue(createCommand(lease));
      expect(await node.call({ kind: "workspace.diff", workspaceId: lease.workspaceId })).toMatchObject({
        failure: { code: "workspace_not_found" },
      });
      expect(await node.observe(lease.workspaceId)).toBeNull();
      expect(await node.admits(lease.workspaceId, 1)).toBe(false);
      expect(await node.view()).toBeNull();
      await node.ensureAlarm();
      expect(await node.forget()).toBe(true);
      for (const action of ["drain", "destroy"]) {
        const answer = await ask(`/api/nodes/${nodeId}/${action}`, { method: "POST", token });
        expect(await answer.json()).toMatchObject({ state: "destroyed" });
      }
      const claim = { token: "x".repeat(30), claim: sha256("claim"), agentVersion: "1" };
      expect((await ask(`/api/nodes/${nodeId}/bootstrap`, { body: claim })).status).toBe(401);
      const agent = await connect(nodeId);
      await vi.waitFor(() => expect(agent.closedWith).toBe(LINK_CLOSE.gone));
      expect(await runDurableObjectAlarm(node)).toBe(false);
      expect(await stored(node)).toEqual(NOTHING);
    },
  );

  it("a node that lives is never emptied", async () => {
    const ownerId = await anOwner();
    const nodeId = await aNode(await aHolder(ownerId), ownerId);
    passTime(LATE_DELIVERY_GRACE_MS * 2);
    expect(await getNodeObject(env, nodeId).forget()).toBe(false);
    expect(await getNodeObject(env, nodeId).view()).toMatchObject({ state: "provisioning", slots: NODE_SLOTS });
  });
});
