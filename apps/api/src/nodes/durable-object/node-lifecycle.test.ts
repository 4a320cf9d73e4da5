/** A node's object in workerd: storage, alarms, link, bootstrap, projection, against a scripted cloud. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import { LINK_CLOSE, PROTOCOL_VERSION } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { parse } from "yaml";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ids } from "../../../test/caller.ts";
import { database } from "../../database/index.ts";
import { verifyNodeToken, verifyWorkspaceToken } from "../../identity/node-tokens.ts";
import { getConfig } from "../../config.ts";
import { findNode } from "../store.ts";
import { getNodeObject } from "./stub.ts";
import { NamedAlarms } from "./alarms.ts";
import { HEARTBEAT_TIMEOUT_MS } from "./link.ts";
import {
  aHolder,
  aNode,
  anOwner,
  connect,
  connected,
  createCommand,
  destroyCommand,
  passTime,
  fireAlarm,
  setTime,
  START,
  stopClock,
} from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import type { ScriptedCloud } from "./scripted-cloud.ts";
import { NodeStorage } from "./storage.ts";

let cloud: ScriptedCloud;
let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;
const config = getConfig(env);
const node = () => getNodeObject(env, nodeId);
const row = async () => (await findNode(database(env), nodeId)) ?? expect.fail("no row");
const rowIs = (state: string) => vi.waitFor(async () => expect((await row()).state).toBe(state));

beforeEach(async () => {
  stopClock();
  cloud = scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function up() {
  await fireAlarm(nodeId);
  return connected(nodeId);
}

function userDataToken(): string {
  const [server] = [...cloud.servers.values()];
  const files: { path: string; content: string }[] = parse(server?.userData ?? "", { version: "1.1" }).write_files;
  const settings = files.find((file) => file.path.endsWith("agent.json"))?.content ?? "{}";
  return JSON.parse(settings).bootstrapToken;
}

describe("creating the server", () => {
  it("[R18] creates one server with the installation's labels, the node's name and its settings; the row follows", async () => {
    await fireAlarm(nodeId);
    const [server] = [...cloud.servers.values()];
    expect(server?.labels).toEqual({ "samovar-installation": config.INSTALLATION_ID, "samovar-node": nodeId });
    expect(server?.name).toBe((await row()).name);
    await vi.waitFor(async () =>
      expect(await row()).toMatchObject({
        state: "provisioning",
        serverId: String(server?.id),
        location: "here",
        taskIds: [lease.taskId],
      }),
    );
  });

  it("[F19] a lost answer leads to the same server, not to a second one", async () => {
    cloud.put("POST /servers", "answer_lost");
    cloud.put("GET /servers", "no_answer");
    await fireAlarm(nodeId);
    passTime(1_000);
    await fireAlarm(nodeId);
    expect(cloud.servers.size).toBe(1);
    await vi.waitFor(async () => expect((await row()).serverId).not.toBeNull());
  });

  it("[F20] an object that is evicted during the request starts again at once", async () => {
    await runInDurableObject(node(), (_object, state) => {
      const storage = new NodeStorage(state.storage);
      const stored = storage.node();
      if (stored === null) return expect.fail("no node");
      storage.saveNode({
        ...stored,
        record: {
          ...stored.record,
          server: { kind: "requested" },
          provider: { nextAt: Date.now() + 90_000, inFlight: true, attempts: 0, fault: null },
        },
      });
    });
    await evictDurableObject(node());
    await node().ensureAlarm();
    await fireAlarm(nodeId);
    expect(cloud.servers.size).toBe(1);
    expect(await node().view()).toMatchObject({ serverId: "1" });
  });

  it("[F21] [F29] a refusal ends the node with a reason; a boot timeout deletes the server", async () => {
    cloud.put("POST /servers", { status: 403, code: "forbidden" });
    await fireAlarm(nodeId);
    expect(await node().observe(lease.workspaceId)).toMatchObject({
      node: { state: "destroying", failure: { code: "provider_unauthorized" } },
      workspace: { state: "failed" },
    });
    await fireAlarm(nodeId);
    await rowIs("destroyed");

    const slow = await aNode(lease, owner);
    await fireAlarm(slow);
    passTime(config.NODE_BOOT_TIMEOUT_MS);
    await fireAlarm(slow);
    passTime(1_000);
    await fireAlarm(slow);
    passTime(1_000);
    await fireAlarm(slow);
    expect(await getNodeObject(env, slow).view()).toMatchObject({
      state: "destroyed",
      failure: { code: "node_boot_timeout" },
    });
    expect(cloud.servers.size).toBe(0);
  });
});

const request = (token: string, claim: string) => ({ token, claim: claim.repeat(32), agentVersion: "1" });

describe("bootstrap", () => {
  it("[R19] the first claim gets the node's identity, and gets it again when the answer was lost", async () => {
    await fireAlarm(nodeId);
    const token = userDataToken();
    const first = await node().bootstrap(request(token, "a"));
    expect(first).toMatchObject({ ok: true, reply: { epoch: 1 } });
    if (first.ok)
      expect(await verifyNodeToken(config, first.reply.nodeToken, Date.now())).toMatchObject({
        node: nodeId,
        epoch: 1,
      });
    expect(await node().bootstrap(request(token, "a"))).toMatchObject({ ok: true });
  });

  it("[security 6] the same claim is refused once the token's 15 minutes are over, and the refusal is recorded", async () => {
    await fireAlarm(nodeId);
    const token = userDataToken();
    expect(await node().bootstrap(request(token, "a"))).toMatchObject({ ok: true });
    passTime(15 * 60_000 - 1);
    expect(await node().bootstrap(request(token, "a"))).toMatchObject({ ok: true });
    passTime(1);
    expect(await node().bootstrap(request(token, "a"))).toMatchObject({ ok: false, code: "unauthenticated" });
    const refusals = await runInDurableObject(node(), (_object, state) => new NodeStorage(state.storage).refusals());
    expect(refusals).toMatchObject([{ kind: "bootstrap", detail: "expired" }]);
  });

  it("[S1] another claim, an unknown token and an expired one are refused and recorded; the token itself is stored nowhere", async () => {
    await fireAlarm(nodeId);
    const token = userDataToken();
    expect(await node().bootstrap(request("x".repeat(30), "a"))).toMatchObject({ ok: false, code: "unauthenticated" });
    passTime(15 * 60_000);
    expect(await node().bootstrap(request(token, "a"))).toMatchObject({ ok: false });
    setTime(START);
    await node().bootstrap(request(token, "a"));
    expect(await node().bootstrap(request(token, "b"))).toMatchObject({ ok: false, code: "unauthenticated" });
    await runInDurableObject(node(), (_object, state) => {
      const storage = new NodeStorage(state.storage);
      expect(storage.refusals().map((refusal) => refusal.detail)).toEqual([
        "unknown token",
        "expired",
        "claimed by another agent",
      ]);
      const everything = JSON.stringify(
        ["node", "bootstrap_tokens", "bootstrap_claim", "commands"].map((table) =>
          state.storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
        ),
      );
      expect(everything).not.toContain(token);
    });
  });

  it("[F27] of two concurrent claims one wins", async () => {
    await fireAlarm(nodeId);
    const token = userDataToken();
    const answers = await Promise.all(["a", "b", "c", "d"].map((claim) => node().bootstrap(request(token, claim))));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  });
});

describe("the link", () => {
  it("[R20] hello makes the node active and brings tokens for it and its workspaces", async () => {
    await fireAlarm(nodeId);
    const agent = await connect(nodeId);
    agent.hello();
    const welcome = await agent.next("welcome");
    expect(await verifyNodeToken(config, welcome.nodeToken.token, Date.now())).toMatchObject({ node: nodeId });
    expect(welcome.workspaceTokens).toMatchObject([{ workspaceId: lease.workspaceId, sessionId: lease.sessionId }]);
    expect(await verifyWorkspaceToken(config, welcome.workspaceTokens[0]?.token ?? "", Date.now())).toMatchObject({
      session: lease.sessionId,
      project: lease.projectId,
    });
    await rowIs("active");
    expect(await node().observe(lease.workspaceId)).toMatchObject({ node: { connected: true } });
  });

  it("[R8] a command is one command, arrives in order after its workspace's token, and again after a reconnect until it is acknowledged", async () => {
    const agent = await up();
    await node().enqueue(createCommand(lease));
    await node().enqueue(createCommand(lease));
    await node().enqueue(destroyCommand(lease.workspaceId));
    expect((await agent.next("tokens")).workspaceTokens).toHaveLength(1);
    expect((await agent.next("command")).command).toMatchObject({ n: 1, id: createCommand(lease).id });
    expect((await agent.next("command")).command).toMatchObject({ n: 2 });
    agent.send({ type: "ack", upTo: 1 });
    const again = await connected(nodeId, 1);
    expect((await again.next("command")).command).toMatchObject({ n: 2, kind: "workspace.destroy" });
    await vi.waitFor(() => expect(agent.closedWith).toBe(LINK_CLOSE.replaced));
    expect((await node().view())?.unreachableSince).toBeNull();
  });

  it("[F9] [F11] an object that hibernated continues with the same socket", async () => {
    const agent = await connected(nodeId);
    await evictDurableObject(node());
    agent.report({ kind: "workspace.ready", workspaceId: lease.workspaceId, branch: "task/x", baseCommit: "c" }, 1);
    expect((await agent.next("ack")).upTo).toBe(1);
    await node().enqueue(destroyCommand(lease.workspaceId));
    expect((await agent.next("command")).command.n).toBe(1);
    expect(await node().observe(lease.workspaceId)).toMatchObject({
      node: { connected: true },
      workspace: { state: "ready", branch: "task/x" },
    });
  });

  it("[F11] an object whose sockets are gone reports its node as unreachable", async () => {
    await connected(nodeId);
    await evictDurableObject(node(), { webSockets: "close" });
    await vi.waitFor(async () => expect((await node().view())?.unreachableSince).toBe(Date.now()));
  });

  it("an event is applied once; an unreadable one does not block those after it", async () => {
    const agent = await up();
    const ready = {
      kind: "workspace.ready",
      workspaceId: lease.workspaceId,
      branch: "first",
      baseCommit: "c",
    } as const;
    agent.report(ready, 1);
    agent.report({ ...ready, branch: "second" }, 1);
    agent.send({ type: "event", event: { n: 2, at: 1, kind: "no.such.kind" } });
    agent.report(
      { kind: "session.started", workspaceId: lease.workspaceId, sessionId: lease.sessionId, capabilities: null },
      3,
    );
    await vi.waitFor(() =>
      expect(agent.frames.flatMap((frame) => (frame.type === "ack" ? [frame.upTo] : []))).toEqual([1, 1, 2, 3]),
    );
    expect(await node().observe(lease.workspaceId)).toMatchObject({
      workspace: { branch: "first" },
      session: { startedAt: START },
    });
    expect(agent.closedWith).toBeNull();
  });

  it("[F31] an older epoch, another protocol and malformed frames are refused", async () => {
    await up();
    const old = await connect(nodeId, 0);
    await vi.waitFor(() => expect(old.closedWith).toBe(LINK_CLOSE.gone));
    const future = await connect(nodeId);
    future.send({ type: "hello", protocol: PROTOCOL_VERSION + 1 });
    await vi.waitFor(() => expect(future.closedWith).toBe(LINK_CLOSE.upgrade));
    // The second one is nested too deep, though its type is a good one [security 16].
    for (const frame of [{ type: "what" }, { type: "ping", more: JSON.parse("[".repeat(64) + "]".repeat(64)) }]) {
      const mad = await connect(nodeId);
      mad.send(frame);
      await vi.waitFor(() => expect(mad.closedWith).toBe(LINK_CLOSE.malformed));
    }
    expect((await node().view())?.unreachableSince, "the good one is untouched").toBeNull();
  });

  it("[F48] a vm-agent of the previous version is asked to upgrade; its tasks fail with that reason", async () => {
    const agent = await up();
    agent.close();
    await vi.waitFor(async () => expect((await node().view())?.unreachableSince).not.toBeNull());
    const previous = await connect(nodeId);
    previous.send({ type: "hello", protocol: PROTOCOL_VERSION - 1 });
    await vi.waitFor(() => expect(previous.closedWith).toBe(LINK_CLOSE.upgrade));
    expect((await node().view())?.state).toBe("draining");
    expect(await node().observe(lease.workspaceId)).toMatchObject({
      workspace: { state: "failed", failure: { code: "node_outdated" } },
    });
  });

  it("[R21] [F30] a closed or silent socket makes the node unreachable; if that lasts, its workspaces fail", async () => {
    const agent = await up();
    agent.close();
    await vi.waitFor(async () => expect((await node().view())?.unreachableSince).toBe(Date.now()));
    await connected(nodeId);
    expect((await node().view())?.unreachableSince).toBeNull();
    passTime(HEARTBEAT_TIMEOUT_MS);
    await fireAlarm(nodeId);
    expect((await node().view())?.unreachableSince).toBe(Date.now());
    passTime(config.NODE_UNREACHABLE_TIMEOUT_MS);
    await fireAlarm(nodeId);
    expect(await node().observe(lease.workspaceId)).toMatchObject({
      workspace: { state: "failed", failure: { code: "node_unreachable" } },
    });
    expect(await node().reserve({ ...lease, workspaceId: ids.make("wsp") })).toEqual({
      granted: false,
      reason: "not_accepting",
    });
  });

  it("tokens are renewed on the link, for the node's own workspaces only", async () => {
    const agent = await up();
    const foreign = (await aHolder(owner)).workspaceId;
    agent.send({ type: "renew", workspaces: [lease.workspaceId, foreign] });
    expect((await agent.next("tokens")).workspaceTokens.map((token) => token.workspaceId)).toEqual([lease.workspaceId]);
  });
});

describe("active, warm and destroyed", () => {
  it("[R23] [R25] an idle node becomes warm, then is destroyed until the provider has no server, and its vm-agent cannot return", async () => {
    const agent = await up();
    await node().release(lease.workspaceId);
    passTime(config.NODE_IDLE_GRACE_MS);
    await fireAlarm(nodeId);
    expect(await node().view()).toMatchObject({ state: "warm", warmUntil: Date.now() + config.NODE_WARM_TIMEOUT_MS });
    await rowIs("warm");
    passTime(config.NODE_WARM_TIMEOUT_MS);
    agent.send({ type: "renew", workspaces: [] });
    await agent.next("tokens");
    cloud.put("DELETE /servers", { status: 423, code: "locked" });
    await fireAlarm(nodeId);
    await vi.waitFor(() => expect(agent.closedWith).toBe(LINK_CLOSE.gone));
    await fireAlarm(nodeId);
    expect(await node().view(), "[F23]").toMatchObject({ state: "destroying", failure: { code: "provider_locked" } });
    for (const _ of [1, 2, 3]) {
      passTime(60_000);
      await fireAlarm(nodeId);
    }
    await rowIs("destroyed");
    expect(cloud.servers.size).toBe(0);
    const late = await connect(nodeId);
    await vi.waitFor(() => expect(late.closedWith).toBe(LINK_CLOSE.gone));
  });

  it("[F27] [F28] a hundred concurrent reservations share a warm node's slots, and the due alarm does nothing", async () => {
    await up();
    await node().release(lease.workspaceId);
    passTime(config.NODE_IDLE_GRACE_MS);
    await fireAlarm(nodeId);
    passTime(config.NODE_WARM_TIMEOUT_MS);
    const leases = await Promise.all(Array.from({ length: 100 }, () => aHolder(owner)));
    const answers = await Promise.all(leases.map((each) => node().reserve(each)));
    expect(answers.filter((answer) => answer.granted)).toHaveLength(config.NODE_SLOTS);
    await fireAlarm(nodeId);
    expect(await node().view()).toMatchObject({ state: "active" });
  });

  it("a destroyed workspace gives its slot back; its facts stay", async () => {
    const agent = await up();
    agent.report({ kind: "workspace.destroyed", workspaceId: lease.workspaceId }, 1);
    await agent.next("ack");
    expect(await node().admits(lease.workspaceId, 1)).toBe(false);
    expect(await node().observe(lease.workspaceId)).toMatchObject({ workspace: { state: "destroyed" } });
    expect((await node().view())?.taskIds).toEqual([]);
  });

  it("[R16] [S1] a retained workspace frees its slot, keeps its node and gets no credentials; the row follows", async () => {
    await up();
    await node().retain(lease.workspaceId);
    const kept = { taskIds: [], retainedTaskIds: [lease.taskId], taken: 0, state: "active" };
    expect(await node().view()).toMatchObject(kept);
    await vi.waitFor(async () => expect(await row()).toMatchObject(kept));
    expect(await node().admits(lease.workspaceId, 1)).toBe(false);
    const others = await Promise.all(Array.from({ length: config.NODE_SLOTS }, () => aHolder(owner)));
    for (const each of others) expect((await node().reserve(each)).granted).toBe(true);
    await node().retain(lease.workspaceId);
    expect(await node().view()).toMatchObject({ taken: config.NODE_SLOTS, retainedTaskIds: [lease.taskId] });
  });

  it("a workspace token is valid for a slot of this epoch only", async () => {
    expect(await node().admits(lease.workspaceId, 1)).toBe(true);
    expect(await node().admits(lease.workspaceId, 0)).toBe(false);
    expect(await node().admits((await aHolder(owner)).workspaceId, 1)).toBe(false);
  });

  it("[N1] without the credential a node stays destroying and says so", async () => {
    await up();
    await env.DB.prepare("DELETE FROM credentials WHERE owner_id = ?").bind(owner).run();
    await node().destroy("requested");
    await fireAlarm(nodeId);
    expect(await node().view()).toMatchObject({ state: "destroying", failure: { code: "credentials_missing" } });
    expect(cloud.servers.size).toBe(1);
  });
});

const signals = () => runInDurableObject(node(), (_object, state) => new NodeStorage(state.storage).signals());
const dueAt = (name: string) =>
  runInDurableObject(node(), (_object, state) => new NamedAlarms(state.storage).dueAt(name));

describe("pending effects", () => {
  it("[F12] a row that cannot be written is written later, and never with an older version", async () => {
    await env.DB.prepare("ALTER TABLE nodes RENAME TO nodes_away").run();
    const agent = await up();
    agent.report(
      {
        kind: "outbox.stats",
        sessionId: lease.sessionId,
        stats: { pending: 7, deadLetters: 0, lastDeadLetterReason: null },
      },
      1,
    );
    await agent.next("ack");
    await vi.waitFor(async () => expect(await dueAt("effects")).toBeGreaterThan(Date.now()));
    await env.DB.prepare("ALTER TABLE nodes_away RENAME TO nodes").run();
    passTime(120_000);
    await fireAlarm(nodeId);
    await vi.waitFor(async () => expect(await row()).toMatchObject({ state: "active", outbox: { pending: 7 } }));
    await env.DB.prepare("UPDATE nodes SET version = 1000, state = 'draining' WHERE id = ?").bind(nodeId).run();
    await node().release(lease.workspaceId);
    await vi.waitFor(async () => expect(await dueAt("effects")).toBeNull());
    expect((await row()).state).toBe("draining");
  });

  it("a signal for a run that does not exist is dropped and delays nothing", async () => {
    const run = { ...(await aHolder(owner)), runId: ids.make("run") };
    expect(await node().reserve(run)).toEqual({ granted: true });
    await connected(nodeId);
    await vi.waitFor(async () => expect(await signals()).toEqual([]));
    await rowIs("active");
  });

  it("[T1] a signal requested again during its delivery is delivered again", async () => {
    const run = { ...(await aHolder(owner)), runId: ids.make("run") };
    await runInDurableObject(node(), (_object, state) => {
      const storage = new NodeStorage(state.storage);
      storage.addSignal(run.runId);
      const [first] = storage.signals();
      storage.addSignal(run.runId);
      if (first !== undefined) storage.removeSignal(first);
      expect(storage.signals()).toMatchObject([{ runId: run.runId }]);
    });
  });
});

describe("alarms", () => {
  it("[F15] [F16] the earliest due alarm is set, a lost one is set again, and a failing one does not stop the others", async () => {
    await runInDurableObject(node(), async (_object, state) => {
      await state.storage.deleteAlarm();
      expect(await state.storage.getAlarm()).toBeNull();
    });
    await node().ensureAlarm();
    await runInDurableObject(node(), async (_object, state) => {
      expect(await state.storage.getAlarm()).toBe(START);
      // An alarm that no code handles any more is removed.
      new NamedAlarms(state.storage).set("obsolete", START - 1);
    });
    await fireAlarm(nodeId);
    expect(cloud.servers.size).toBe(1);
    await runInDurableObject(node(), async (_object, state) => {
      expect(new NamedAlarms(state.storage).dueAt("obsolete")).toBeNull();
      expect(await state.storage.getAlarm()).toBe(START + config.NODE_BOOT_TIMEOUT_MS);
    });
  });

  it("[F14] a request while an alarm's work runs is not lost", async () => {
    const firing = fireAlarm(nodeId);
    const destroyed = node().destroy("requested while the alarm's work runs");
    await Promise.all([firing, destroyed]);
    for (const _ of [1, 2, 3]) {
      passTime(60_000);
      await fireAlarm(nodeId);
    }
    expect(await node().view()).toMatchObject({ state: "destroyed" });
    expect(cloud.servers.size).toBe(0);
  });
});
