/** A rollback, or two versions at once: objects that a newer version has migrated, called by this one. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { deliveryReply, errorBody } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf, controlPlane, ids, tokenOf } from "../test/caller.ts";
import type { ObjectMigration } from "./database/migrate-object.ts";
import { mintNodeToken, mintWorkspaceToken } from "./identity/node-tokens.ts";
import {
  agentOn,
  aHolder,
  aNode,
  anOwner,
  connected,
  createCommand,
  passTime,
  stopClock,
} from "./nodes/durable-object/node.testing.ts";
import { NODE_MIGRATIONS } from "./nodes/durable-object/migrations.ts";
import { scriptedCloud } from "./nodes/durable-object/scripted-cloud.ts";
import { getNodeObject } from "./nodes/durable-object/stub.ts";
import { PROJECT_MIGRATIONS } from "./sessions/durable-object/migrations.ts";
import { getProjectData } from "./sessions/durable-object/stub.ts";

const NEXT: ObjectMigration = {
  name: "9999_next",
  sql: "CREATE TABLE extra (id TEXT PRIMARY KEY) STRICT; INSERT INTO extra VALUES ('kept')",
};
const { ask, deps } = controlPlane();
const newerData = { code: "newer_data", message: expect.stringContaining("Deploy a version that has 9999_next again") };

/** The code of the version with the next migration; the objects read the list when they are constructed. */
class NewerVersion {
  readonly #lists = [NODE_MIGRATIONS as ObjectMigration[], PROJECT_MIGRATIONS as ObjectMigration[]];
  deploy(): void {
    for (const list of this.#lists) list.push(NEXT);
  }
  rollBack(): void {
    for (const list of this.#lists) if (list.at(-1) === NEXT) list.pop();
  }
}
const newer = new NewerVersion();

beforeEach(() => {
  stopClock();
  scriptedCloud();
});
afterEach(() => {
  newer.rollBack();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

type Stub = Parameters<typeof evictDurableObject>[0];

/** Every row of every table, and the schema. */
const dump = (stub: Stub) =>
  runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const schema = sql
      .exec<{ type: string; name: string; sql: string | null }>(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    // A virtual table is not read as a whole; what it has is in tables beside it.
    const tables = schema.filter(({ type, sql: made }) => type === "table" && !made?.startsWith("CREATE VIRTUAL"));
    return { schema, rows: tables.map(({ name }) => [name, sql.exec(`SELECT * FROM "${name}"`).toArray()]) };
  });

async function working() {
  const ownerId = await anOwner();
  const lease = await aHolder(ownerId);
  const { projectId, sessionId, taskId, workspaceId } = lease;
  const project = getProjectData({ env }, projectId);
  await project.createSession({
    projectId,
    sessionId,
    taskId,
    firstMessage: { messageId: ids.messageId(), text: "Hi" },
  });
  const nodeId = await aNode(lease, ownerId);
  await connected(nodeId);
  await project.linkWorkspace(sessionId, workspaceId);
  const claims = { workspace: workspaceId, project: projectId, session: sessionId, node: nodeId, epoch: 1 };
  const token = await tokenOf(ownerId);
  const deliver = async () =>
    ask(`/api/workspaces/${workspaceId}/messages`, {
      body: { messages: [{ messageId: ids.messageId(), sessionId, role: "assistant", content: "Hello" }] },
      token: (await mintWorkspaceToken(deps.config, claims, Date.now())).token,
    });
  const openLink = async () =>
    ask(`/api/nodes/${nodeId}/link`, {
      headers: { upgrade: "websocket" },
      token: (await mintNodeToken(deps.config, { node: nodeId, epoch: 1 }, Date.now())).token,
    });
  return { ownerId, lease, project, nodeId, node: getNodeObject(env, nodeId), token, deliver, openLink };
}

const refusalOf = async (call: () => Promise<unknown>): Promise<unknown> => {
  try {
    return { answered: await call() };
  } catch (error) {
    return error;
  }
};

const restart = async (...stubs: readonly Stub[]) => {
  for (const stub of stubs) await evictDurableObject(stub, { webSockets: "close" });
};

describe("an object that a newer version has migrated", () => {
  it("a project's object refuses every call, changes nothing, and works again under the newer version", async () => {
    const { lease, project, token, deliver } = await working();
    const messages = `/api/projects/${lease.projectId}/sessions/${lease.sessionId}/messages`;
    newer.deploy();
    await restart(project);
    expect((await deliver()).status).toBe(200);
    newer.rollBack();
    await restart(project);
    const before = await dump(project);
    for (const answer of [await deliver(), await ask(messages, { token })]) {
      expect(answer.status).toBe(503);
      expect(errorBody.parse(await answer.json()).error).toMatchObject(newerData);
    }
    const { sessionId, workspaceId, projectId, taskId } = lease;
    const calls: readonly (() => Promise<unknown>)[] = [
      () => project.createSession({ projectId, sessionId: ids.make("ses"), taskId, firstMessage: null }),
      () => project.linkWorkspace(sessionId, workspaceId),
      () => project.endSession(sessionId, "stopped"),
      () => project.addNotice(sessionId, ids.messageId(), "Notice"),
      () => project.getSession(sessionId),
      () => project.listSessions({ limit: 1 }),
      () => project.search({ q: "hello", order: "newest", limit: 1 }),
      () => project.digest(sessionId),
      () => project.findBundle(sessionId),
      () => project.closeViewers(ids.make("tok"), "token_revoked"),
    ];
    for (const call of calls) expect(await refusalOf(call), String(call)).toMatchObject(newerData);
    await runInDurableObject(project, (_object, { storage }) => storage.setAlarm(Date.now() + 60_000));
    await runDurableObjectAlarm(project);
    expect(await runInDurableObject(project, (_object, { storage }) => storage.getAlarm()), "kept").not.toBeNull();
    expect(await dump(project)).toEqual(before);
    newer.deploy();
    await restart(project);
    expect(deliveryReply.parse(await (await deliver()).json())).toMatchObject({ persisted: 1 });
    expect((await ask(messages, { token })).status).toBe(200);
  });

  it("a node's object refuses every call and its daemon's link, keeps its alarm, and works again under the newer version", async () => {
    const { lease, node, nodeId, openLink } = await working();
    newer.deploy();
    await restart(node);
    expect(await node.view()).toMatchObject({ state: "active" });
    newer.rollBack();
    await restart(node);
    const before = await dump(node);
    const refused = await openLink();
    expect(refused.status).toBe(503);
    expect(errorBody.parse(await refused.json()).error).toMatchObject(newerData);
    const calls: readonly (() => Promise<unknown>)[] = [
      () => node.reserve(lease),
      () => node.release(lease.workspaceId),
      () => node.retain(lease.workspaceId),
      () => node.enqueue(createCommand(lease)),
      () => node.call({ kind: "workspace.diff", workspaceId: lease.workspaceId }),
      () => node.observe(lease.workspaceId),
      () => node.drain("x"),
      () => node.destroy("x"),
      () => node.view(),
      () => node.ensureAlarm(),
      () => node.forget(),
      () => node.admits(lease.workspaceId, 1),
      () => node.bootstrap({ token: "x".repeat(30), claim: "a".repeat(32), agentVersion: "1" }),
      () =>
        node.provision({
          provider: "hetzner",
          nodeId,
          ownerId: actorOf(ids.make("usr")).ownerId,
          name: "x",
          size: "small",
          lease,
        }),
    ];
    for (const call of calls) expect(await refusalOf(call), String(call)).toMatchObject(newerData);
    passTime(3_600_000);
    await runDurableObjectAlarm(node);
    expect(await runInDurableObject(node, (_object, { storage }) => storage.getAlarm()), "kept").toBeGreaterThan(
      Date.now(),
    );
    expect(await dump(node)).toEqual(before);
    newer.deploy();
    await restart(node);
    const agent = agentOn(await openLink());
    agent.hello();
    await agent.next("welcome");
    expect(await node.view()).toMatchObject({ state: "active" });
  });

  it("closes the sockets that it finds, so that the other end dials again", async () => {
    const { node, openLink } = await working();
    const agent = agentOn(await openLink());
    agent.hello();
    await agent.next("welcome");
    newer.deploy();
    await evictDurableObject(node);
    await node.view();
    newer.rollBack();
    await evictDurableObject(node);
    agent.send({ type: "renew", workspaces: [] });
    await vi.waitFor(() => expect(agent.closedWith).toBe(1013));
  });
});
