/** Retained workspaces over HTTP and by the sweep: diff, extension, removal, notices. */
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { errorBody, page, workspaceDiff, workspaceView } from "@samovar/contracts";
import type { WorkspaceDiff } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { controlPlane, ids, tokenOf } from "../../test/caller.ts";
import { getConfig } from "../config.ts";
import { database } from "../database/index.ts";
import { getNodeObject } from "../nodes/durable-object/stub.ts";
import { findNode } from "../nodes/store.ts";
import type { Agent } from "../nodes/durable-object/node.fixture.ts";
import { aHolder, anOwner, connected, passTime, fireAlarm, stopClock } from "../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { sweepRetainedWorkspaces } from "../sweep/retained-workspaces.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { chooseNode } from "./choose-node.ts";
import { destroyWorkspace } from "./destroy.ts";
import { findWorkspace, setWorkspaceState } from "./store.ts";

const HOUR = 3_600_000;
const config = getConfig(env);
const plane = controlPlane();
const deps = plane.deps;
let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;
let token: string;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  await env.DB.prepare("DELETE FROM workspaces").run();
  owner = await anOwner();
  lease = await aHolder(owner);
  token = await tokenOf(owner);
  await getProjectData(deps, lease.projectId).createSession({
    projectId: lease.projectId,
    sessionId: lease.sessionId,
    taskId: lease.taskId,
    firstMessage: null,
  });
  const choice = await chooseNode(env, { ownerId: owner, size: "small", lease });
  nodeId = "nodeId" in choice ? choice.nodeId : expect.fail("no node");
  await vi.waitFor(async () => expect((await findNode(database(env), nodeId))?.version).toBeGreaterThan(0));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const path = (verb = "") => `/api/workspaces/${lease.workspaceId}${verb}`;
const keep = (forMs = HOUR) =>
  setWorkspaceState(env, lease.workspaceId, "retained", { retainedUntil: Date.now() + forMs });
const show = async () => workspaceView.parse(await (await plane.ask(path(), { token })).json());
const extend = (keepForMs: unknown) => plane.ask(path("/extend"), { token, body: { keepForMs } });
const destroy = () => plane.ask(path("/destroy"), { token, body: {} });
const look = () => plane.ask(path("/diff"), { token });
const findRefusal = async (response: Response) => errorBody.parse(await response.json()).error;
const row = async () => (await findWorkspace(database(env), lease.workspaceId)) ?? expect.fail("no row");
const sweep = () => sweepRetainedWorkspaces(deps, Date.now());

async function notices(): Promise<string[]> {
  const found = await getProjectData(deps, lease.projectId).listMessages(lease.sessionId, { limit: 50 });
  return (found?.messages ?? []).filter(({ kind }) => kind === "notice").map(({ content }) => content);
}

describe("an extension of a retained workspace", () => {
  it("[R30] is counted from now, shown, and heeded by the sweep", async () => {
    await keep(HOUR);
    passTime(HOUR / 2);
    const answer = await extend(3 * HOUR);
    expect(answer.status).toBe(200);
    expect(workspaceView.parse(await answer.json())).toMatchObject({
      state: "retained",
      retainedUntil: Date.now() + 3 * HOUR,
    });
    passTime(2 * HOUR);
    expect(await sweep()).toEqual({ found: 0, acted: 0 });
    expect((await show()).state).toBe("retained");
    expect(await notices(), "more time is no news for the transcript").toEqual([]);
    passTime(2 * HOUR);
    expect(await sweep()).toEqual({ found: 1, acted: 1 });
    expect((await show()).state).toBe("destroying");
  });

  it("never shortens the retention, and ends with the node's maximum lifetime", async () => {
    await keep(2 * HOUR);
    const before = (await show()).retainedUntil;
    await extend(60_000);
    expect((await show()).retainedUntil).toBe(before);
    const made = (await findNode(database(env), nodeId))?.createdAt ?? 0;
    await extend(7 * 24 * HOUR);
    expect((await show()).retainedUntil).toBe(made + config.NODE_MAX_LIFETIME_MS);
  });

  it.each([0, 59_999, 7 * 24 * HOUR + 1, 1.5, "8h", null])("refuses %j", async (keepForMs) => {
    await keep();
    expect((await extend(keepForMs)).status).toBe(400);
  });

  it("is for retained workspaces of the caller only", async () => {
    const refused = await extend(HOUR);
    expect(refused.status).toBe(409);
    expect((await findRefusal(refused)).message).toContain("retained");
    await keep();
    const theirs = await tokenOf(await anOwner());
    for (const verb of ["/extend", "/destroy"])
      expect((await plane.ask(path(verb), { token: theirs, body: { keepForMs: HOUR } })).status).toBe(404);
    expect((await plane.ask(path("/diff"), { token: theirs })).status).toBe(404);
    await destroy();
    expect((await extend(HOUR)).status).toBe(409);
  });

  it("[T1] during the sweep keeps the workspace", async () => {
    await keep(1_000);
    passTime(2_000);
    const stale = await row();
    await extend(HOUR);
    await destroyWorkspace(deps, stale, "expired");
    expect((await show()).state).toBe("retained");
    expect(await notices()).toEqual([]);
  });
});

describe("the removal of a retained workspace", () => {
  it("[R30] is noted in its session once, with its cause, however often it is tried", async () => {
    await keep();
    await connected(nodeId);
    expect((await destroy()).status).toBe(202);
    expect((await destroy()).status).toBe(202);
    passTime(config.NODE_UNREACHABLE_TIMEOUT_MS + 1_000);
    await sweep();
    expect((await show()).state).toBe("destroyed");
    expect(await notices()).toEqual(["The retained workspace was removed on request."]);
  });

  it("[R30] by the sweep names the end of its retention period", async () => {
    await keep(1_000);
    const agent = await connected(nodeId);
    passTime(2_000);
    await Promise.all([sweep(), sweep()]);
    expect((await agent.next("command")).command).toMatchObject({ kind: "workspace.destroy" });
    expect(await notices()).toEqual(["The retained workspace was removed: its retention period ended."]);
  });

  it("[R30] with its node names that cause", async () => {
    await keep();
    await fireAlarm(nodeId);
    await getNodeObject(env, nodeId).destroy("Destroyed on request.");
    await vi.waitFor(async () => {
      passTime(60_000);
      await fireAlarm(nodeId);
      expect((await show()).state).toBe("destroyed");
    });
    expect(await notices()).toEqual(["The retained workspace is gone with its node."]);
  });

  it("continues after an interruption before its node received the command", async () => {
    await keep();
    const agent = await connected(nodeId);
    await setWorkspaceState(env, lease.workspaceId, "destroying");
    await destroy();
    expect((await agent.next("command")).command).toMatchObject({ kind: "workspace.destroy" });
    expect(await notices()).toHaveLength(1);
  });

  it("works without a session, and adds no notice for a workspace that was never retained", async () => {
    await env.DB.prepare("UPDATE workspaces SET session_id = ?").bind(ids.make("ses")).run();
    await keep();
    expect((await destroy()).status).toBe(202);
    expect((await show()).state).toBe("destroying");
  });

  it("lists retained ones with the reason and the end of their retention", async () => {
    const failure = { code: "agent_crashed", message: "The agent died." };
    await setWorkspaceState(env, lease.workspaceId, "retained", { retainedUntil: 5, failure });
    const listed = page(workspaceView).parse(
      await (await plane.ask("/api/workspaces?state=retained", { token })).json(),
    );
    expect(listed.items).toMatchObject([{ id: lease.workspaceId, taskId: lease.taskId, failure, retainedUntil: 5 }]);
  });
});

describe("the diff of a workspace", () => {
  const seen: WorkspaceDiff = {
    path: "/var/lib/samovar/w/x/repo",
    branch: "task/x",
    head: "a".repeat(40),
    files: [{ path: "tea.txt", change: "untracked" }],
    diff: "+green\n",
    truncated: false,
  };
  const asked = async (agent: Agent) => {
    const frame = await agent.next("call");
    expect(frame.call).toEqual({ kind: "workspace.diff", workspaceId: lease.workspaceId });
    return frame.id;
  };

  it("[R30] comes from its node, while it is used and while it is retained", async () => {
    const agent = await connected(nodeId);
    for (const state of ["busy", "retained"] as const) {
      await setWorkspaceState(env, lease.workspaceId, state, {});
      const answer = look();
      agent.send({ type: "reply", id: await asked(agent), reply: { kind: "workspace.diff", diff: seen } });
      expect(workspaceDiff.parse(await (await answer).json())).toEqual(seen);
    }
  });

  it("is refused with a reason when the node cannot answer, is disconnected, or disconnects meanwhile", async () => {
    expect((await look()).status).toBe(503);
    const agent = await connected(nodeId);
    const failure = { code: "workspace_not_ready", message: "The workspace is still being made." };
    const early = look();
    agent.send({ type: "reply", id: await asked(agent), reply: { kind: "failed", failure } });
    expect((await early).status).toBe(409);
    expect((await findRefusal(await early)).message).toBe(failure.message);
    const cut = look();
    await asked(agent);
    agent.close();
    expect((await cut).status).toBe(503);
    expect(await findRefusal(await cut)).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("node"),
    });
  });

  it("[F43] a request on an earlier connection is not answered by a later one", async () => {
    const first = await connected(nodeId);
    const answer = look();
    const id = await asked(first);
    const second = await connected(nodeId);
    expect((await answer).status).toBe(503);
    second.send({ type: "reply", id, reply: { kind: "workspace.diff", diff: seen } });
    const again = look();
    second.send({ type: "reply", id: await asked(second), reply: { kind: "workspace.diff", diff: seen } });
    expect((await again).status).toBe(200);
  });

  it("of a removed workspace is refused without a request to the node", async () => {
    await setWorkspaceState(env, lease.workspaceId, "destroyed");
    expect((await look()).status).toBe(409);
  });

  it("of a workspace that the node does not have is refused by its object", async () => {
    const call = { kind: "workspace.diff", workspaceId: ids.make("wsp") } as const;
    expect(await getNodeObject(env, nodeId).call(call)).toMatchObject({ failure: { code: "workspace_not_found" } });
  });
});
