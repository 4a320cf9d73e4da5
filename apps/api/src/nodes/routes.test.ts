/** Nodes and workspaces over HTTP: the routes of people and of nodes. */
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { page, nodeView, nodeWork, workspaceView } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf, ORIGIN, tokenOf, ids } from "../../test/caller.ts";
import { listEntries } from "../audit/store.ts";
import { putCredential } from "../credentials/store.ts";
import { getConfig } from "../config.ts";
import { database } from "../database/index.ts";
import { createApp } from "../app.ts";
import { depsFor } from "../deps.ts";
import { mintNodeToken, mintWorkspaceToken } from "../identity/node-tokens.ts";
import { setWorkspaceState } from "../workspaces/store.ts";
import { chooseNode } from "../workspaces/choose-node.ts";
import { aHolder, anOwner, connected, fireAlarm, stopClock } from "./durable-object/node.testing.ts";
import { scriptedCloud } from "./durable-object/scripted-cloud.ts";
import { getNodeObject } from "./durable-object/stub.ts";
import { findNode } from "./store.ts";

const config = getConfig(env);
const app = createApp();

let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;
let token: string;

const ask = (
  path: string,
  options: { method?: string; token?: string; body?: unknown; headers?: Record<string, string> } = {},
) =>
  app.request(
    `${ORIGIN}${path}`,
    {
      method: options.method ?? "GET",
      headers: {
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    },
    env,
  );

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  token = await tokenOf(owner);
  const choice = await chooseNode(env, { ownerId: owner, size: "small", lease });
  nodeId = "nodeId" in choice ? choice.nodeId : expect.fail(JSON.stringify(choice));
  await vi.waitFor(async () => expect((await findNode(database(env), nodeId))?.version).toBeGreaterThan(0));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a person's nodes", () => {
  it("are listed, filtered by state and shown, to their owner only", async () => {
    const listed = page(nodeView).parse(await (await ask("/api/nodes", { token })).json());
    expect(listed.items).toMatchObject([{ id: nodeId, state: "provisioning", taskIds: [lease.taskId] }]);
    expect(page(nodeView).parse(await (await ask("/api/nodes?state=warm", { token })).json()).items).toEqual([]);
    expect(nodeView.parse(await (await ask(`/api/nodes/${nodeId}`, { token })).json()).id).toBe(nodeId);
    const theirs = await tokenOf(await anOwner());
    for (const path of ["", "/drain", "/destroy"]) {
      expect(
        (await ask(`/api/nodes/${nodeId}${path}`, { method: path === "" ? "GET" : "POST", token: theirs })).status,
      ).toBe(404);
    }
  });

  it("[R33] show the tasks on them, to their owner only", async () => {
    const task = { id: lease.taskId, projectId: lease.projectId, sessionId: lease.sessionId };
    await env.DB.prepare(
      "INSERT INTO tasks (id, project_id, session_id, title, description, prompt_message_id, status, version, created_at, updated_at) VALUES (?, ?, ?, 'Mend the lid', '', 'm', 'in_progress', 1, 1, 1)",
    )
      .bind(task.id, task.projectId, task.sessionId)
      .run();
    const work = async (of: string) =>
      page(nodeWork).parse(await (await ask("/api/nodes/tasks", { token: of })).json());
    expect((await work(token)).items).toEqual([
      {
        nodeId,
        taskId: task.id,
        projectId: task.projectId,
        sessionId: task.sessionId,
        title: "Mend the lid",
        status: "in_progress",
        cancelRequested: false,
      },
    ]);
    expect((await work(await tokenOf(await anOwner()))).items).toEqual([]);
  });

  it("[R25] [security 40] are drained and destroyed on request, which leaves a record", async () => {
    const agent = await connected(nodeId);
    expect(
      nodeView.parse(await (await ask(`/api/nodes/${nodeId}/drain`, { method: "POST", token })).json()).state,
    ).toBe("draining");
    expect((await agent.next("command")).command.kind).toBe("node.drain");
    await fireAlarm(nodeId);
    expect((await ask(`/api/nodes/${nodeId}/destroy`, { method: "POST", token })).status).toBe(202);
    expect(await getNodeObject(env, nodeId).observe(lease.workspaceId)).toMatchObject({
      workspace: { state: "failed", failure: { code: "node_destroyed" } },
    });
    const log = (await listEntries(database(env), owner, { limit: 9 })).items;
    expect(log.slice(0, 2)).toMatchObject([
      { action: "node.destroyed", objectId: nodeId, actor: { kind: "api_token" } },
      { action: "node.drained", objectId: nodeId, actor: { kind: "api_token" } },
    ]);
  });
});

describe("the routes of a node", () => {
  it("[S1] link: requires this node's token and a WebSocket", async () => {
    const path = `/api/nodes/${nodeId}/link`;
    const upgrade = { upgrade: "websocket" };
    const mine = (await mintNodeToken(config, { node: nodeId, epoch: 1 }, Date.now())).token;
    const other = (await mintNodeToken(config, { node: ids.make("nod"), epoch: 1 }, Date.now())).token;
    expect((await ask(path, { headers: upgrade })).status).toBe(401);
    expect((await ask(path, { token, headers: upgrade })).status).toBe(401);
    expect((await ask(path, { token: other, headers: upgrade })).status).toBe(401);
    expect((await ask(path, { token: mine })).status).toBe(426);
    const linked = await ask(path, { token: mine, headers: { ...upgrade, "x-samovar-epoch": "7" } });
    expect(linked.status).toBe(101);
    linked.webSocket?.accept();
    linked.webSocket?.close(1000);
  });

  it("bootstrap: answers an unknown id like a wrong token", async () => {
    const body = { token: "x".repeat(30), claim: "a".repeat(32), agentVersion: "1" };
    expect((await ask(`/api/nodes/${nodeId}/bootstrap`, { method: "POST", body })).status).toBe(401);
    expect((await ask(`/api/nodes/${nodeId.slice(0, -1)}0/bootstrap`, { method: "POST", body })).status).toBe(401);
    expect((await ask(`/api/nodes/${nodeId}/bootstrap`, { method: "POST", body: {} })).status).toBe(400);
  });

  it("[S1] the agent's credential is for a workspace that holds a slot in this epoch only", async () => {
    await putCredential(depsFor(env), actorOf(owner), { kind: "anthropic", apiKey: "sk-ant-of-the-tests" });
    await env.DB.prepare("UPDATE workspaces SET agent = 'claude' WHERE id = ?").bind(lease.workspaceId).run();
    const path = `/api/workspaces/${lease.workspaceId}/agent-credential`;
    const claims = {
      workspace: lease.workspaceId,
      project: lease.projectId,
      session: lease.sessionId,
      node: nodeId,
      epoch: 1,
    };
    const tokenOf = async (change: Partial<typeof claims> = {}) =>
      (await mintWorkspaceToken(config, { ...claims, ...change }, Date.now())).token;
    const answer = await ask(path, { token: await tokenOf() });
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(await answer.json()).toEqual({ kind: "anthropic", apiKey: "sk-ant-of-the-tests" });
    expect((await ask(path, { token: await tokenOf({ epoch: 0 }) })).status).toBe(401);
    expect((await ask(path, { token: await tokenOf({ workspace: (await aHolder(owner)).workspaceId }) })).status).toBe(
      401,
    );
    expect((await ask(path, { token })).status).toBe(401);
    await getNodeObject(env, nodeId).release(lease.workspaceId);
    expect((await ask(path, { token: await tokenOf() })).status).toBe(401);
  });
});

const show = async () =>
  workspaceView.parse(await (await ask(`/api/workspaces/${lease.workspaceId}`, { token })).json());
const destroy = () => ask(`/api/workspaces/${lease.workspaceId}/destroy`, { method: "POST", token });

describe("workspaces", () => {
  it("are listed; one in use cannot be destroyed, a retained one can, and gives its slot back", async () => {
    expect(page(workspaceView).parse(await (await ask("/api/workspaces", { token })).json()).items).toMatchObject([
      { id: lease.workspaceId, nodeId, state: "creating" },
    ]);
    expect((await destroy()).status).toBe(409);
    await setWorkspaceState(env, lease.workspaceId, "retained", { retainedUntil: Date.now() + 1 });
    const agent = await connected(nodeId);
    expect((await destroy()).status).toBe(202);
    expect((await show()).state).toBe("destroying");
    const log = (await listEntries(database(env), owner, { limit: 9 })).items;
    const ofIt = log.filter(({ objectId }) => objectId === lease.workspaceId);
    expect(ofIt).toMatchObject([{ action: "workspace.destroyed", detail: { taskId: lease.taskId } }]);
    expect((await agent.next("command")).command).toMatchObject({
      kind: "workspace.destroy",
      args: { workspaceId: lease.workspaceId },
    });
    agent.report({ kind: "workspace.destroyed", workspaceId: lease.workspaceId }, 1);
    await vi.waitFor(async () => expect((await show()).state).toBe("destroyed"));
    expect((await getNodeObject(env, nodeId).view())?.taskIds).toEqual([]);
  });

  it("are shown to their owner only", async () => {
    const theirs = await tokenOf(await anOwner());
    expect((await ask(`/api/workspaces/${lease.workspaceId}`, { token: theirs })).status).toBe(404);
    expect((await ask(`/api/workspaces/${lease.workspaceId}/destroy`, { method: "POST", token: theirs })).status).toBe(
      404,
    );
  });
});
