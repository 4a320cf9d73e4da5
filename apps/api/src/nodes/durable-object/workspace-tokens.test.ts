/** Which workspaces get a token and credentials from their node's object, and what it reports of them to the projects' objects. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import type { SessionEnd } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getConfig } from "../../config.ts";
import { getProjectData } from "../../sessions/durable-object/stub.ts";
import { ProjectStorage } from "../../sessions/durable-object/storage.ts";
import { getNodeObject } from "./stub.ts";
import { aHolder, aNode, anOwner, connect, connected, fireAlarm, passTime, stopClock } from "./node.testing.ts";
import type { Agent } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";

const { LATE_DELIVERY_GRACE_MS } = getConfig(env);
let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;
const node = () => getNodeObject(env, nodeId);

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
  await fireAlarm(nodeId);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const anEnd = (drained: boolean): SessionEnd => ({
  outcome: "error",
  stopReason: null,
  failure: { code: "agent_crashed", message: "It crashed." },
  branch: null,
  commits: [],
  diffStat: null,
  pushed: false,
  pushError: null,
  bundle: null,
  warning: null,
  summary: null,
  usage: null,
  restarts: 0,
  drained,
  digest: null,
});
const ends = (agent: Agent, drained: boolean, n = 2) => {
  const { workspaceId, sessionId } = lease;
  agent.report({ kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "c" }, n - 1);
  agent.report({ kind: "session.ended", workspaceId, sessionId, end: anEnd(drained) }, n);
  return isReported(agent, n);
};
const isReported = (agent: Agent, n: number) =>
  vi.waitFor(() => expect(agent.frames.flatMap((frame) => (frame.type === "ack" ? [frame.upTo] : []))).toContain(n));
const hasPending = (agent: Agent, pending: number, n: number) => {
  const stats = { pending, deadLetters: 0, lastDeadLetterReason: null };
  agent.report({ kind: "outbox.stats", sessionId: lease.sessionId, stats }, n);
  return isReported(agent, n);
};
/** The workspaces that a renewal and a new connection get tokens for. */
async function tokens(agent: Agent) {
  agent.send({ type: "renew", workspaces: [lease.workspaceId] });
  const renewed = (await agent.next("tokens")).workspaceTokens;
  const again = await connect(nodeId);
  again.hello();
  const welcomed = (await again.next("welcome")).workspaceTokens;
  expect(welcomed.map((token) => token.workspaceId)).toEqual(renewed.map((token) => token.workspaceId));
  return welcomed.map((token) => token.workspaceId);
}

describe("[S1] [security 5] a workspace's token", () => {
  it("is given while the session may run or has ended with undelivered messages, and no longer", async () => {
    expect(await tokens(await connected(nodeId))).toEqual([lease.workspaceId]);
    const agent = await connected(nodeId);
    await ends(agent, false);
    await node().retain(lease.workspaceId);
    expect(await tokens(agent)).toEqual([lease.workspaceId]);
    const next = await connected(nodeId);
    await hasPending(next, 3, 3);
    expect(await tokens(next)).toEqual([lease.workspaceId]);
    const last = await connected(nodeId);
    await hasPending(last, 0, 4);
    expect(await tokens(last)).toEqual([]);
  });

  it("is not given to a retained workspace that has delivered everything", async () => {
    const agent = await connected(nodeId);
    await ends(agent, true);
    await node().retain(lease.workspaceId);
    expect(await tokens(agent)).toEqual([]);
  });

  it("is not given to a workspace that could not be created", async () => {
    const agent = await connected(nodeId);
    const failure = { code: "clone_failed", message: "No such repository." };
    agent.report({ kind: "workspace.failed", workspaceId: lease.workspaceId, failure }, 1);
    await isReported(agent, 1);
    expect(await tokens(agent)).toEqual([]);
  });
});

describe("[S1] [security 5] credentials", () => {
  it("end with the session, even before the workspace is retained", async () => {
    const agent = await connected(nodeId);
    expect(await node().admits(lease.workspaceId, 1)).toBe(true);
    await ends(agent, true);
    expect(await node().admits(lease.workspaceId, 1)).toBe(false);
  });

  it("end at once with the node's destruction, before the provider has answered", async () => {
    await connected(nodeId);
    await node().destroy("requested");
    expect(await node().view()).toMatchObject({ state: "destroying" });
    expect(await node().admits(lease.workspaceId, 1)).toBe(false);
  });
});

const project = () => getProjectData({ env }, lease.projectId);
const known = () =>
  runInDurableObject(project(), (_object, state) =>
    new ProjectStorage(state.storage).deliverer(lease.workspaceId, nodeId),
  );
const inProject = (sql: string) => runInDurableObject(project(), (_object, state) => void state.storage.sql.exec(sql));

describe("[security 5, 7] the project's object", () => {
  it("learns when a workspace gets its slot, loses it, and gets it again", async () => {
    await vi.waitFor(async () => expect(await known()).toMatchObject({ epoch: 1, deliverUntil: null }));
    await node().release(lease.workspaceId);
    const until = Date.now() + LATE_DELIVERY_GRACE_MS;
    await vi.waitFor(async () => expect(await known()).toMatchObject({ deliverUntil: until }));
    passTime(1_000);
    expect(await node().reserve(lease)).toEqual({ granted: true });
    await vi.waitFor(async () => expect(await known()).toMatchObject({ deliverUntil: null }));
  });

  it("learns of a destroyed node once, whatever else happens to the node", async () => {
    await vi.waitFor(async () => expect(await known()).not.toBeNull());
    const until = Date.now() + LATE_DELIVERY_GRACE_MS;
    await node().destroy("requested");
    await vi.waitFor(async () => expect(await known()).toMatchObject({ deliverUntil: until, stamp: 2 }));
    passTime(60_000);
    await fireAlarm(nodeId);
    await node().release(lease.workspaceId);
    expect(await known()).toMatchObject({ deliverUntil: until, stamp: 2 });
  });

  it("[F9] learns it later if the first report failed, and ignores a late report", async () => {
    await vi.waitFor(async () => expect(await known()).not.toBeNull());
    const late = await known();
    await inProject("ALTER TABLE deliverers RENAME TO unreadable");
    await node().release(lease.workspaceId);
    const until = Date.now() + LATE_DELIVERY_GRACE_MS;
    await vi.waitFor(async () => {
      const attempts = await runInDurableObject(
        node(),
        (_object, state) =>
          state.storage.sql.exec<{ n: number }>("SELECT deliverer_attempts AS n FROM workspaces").one().n,
      );
      expect(attempts).toBeGreaterThan(0);
    });
    await inProject("ALTER TABLE unreadable RENAME TO deliverers");
    passTime(1_000);
    await fireAlarm(nodeId);
    await vi.waitFor(async () => expect(await known()).toMatchObject({ deliverUntil: until }));
    if (late === null) throw new Error("nothing was reported");
    await project().setDeliverer(late);
    expect(await known()).toMatchObject({ deliverUntil: until });
  });
});
