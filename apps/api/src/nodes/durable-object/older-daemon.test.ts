/** A daemon of an earlier release that speaks the same protocol: it does not know the fields that were added since. */
import { env } from "cloudflare:workers";
import type { NodeId, UserId } from "@samovar/base";
import { LINK_CLOSE, nodeFrame, PROTOCOL_VERSION, sessionEnd } from "@samovar/contracts";
import type { SlotLease } from "@samovar/domain/node-record";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { database } from "../../database/index.ts";
import { findNode } from "../store.ts";
import { aHolder, aNode, anOwner, connect, createCommand, fireAlarm, stopClock } from "./node.testing.ts";
import type { Agent } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { getNodeObject } from "./stub.ts";

let owner: UserId;
let lease: SlotLease;
let nodeId: NodeId;
let agent: Agent;

beforeEach(async () => {
  stopClock();
  scriptedCloud();
  owner = await anOwner();
  lease = await aHolder(owner);
  nodeId = await aNode(lease, owner);
  await fireAlarm(nodeId);
  agent = await connect(nodeId);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The first `hello` of this protocol, field by field. */
const HELLO = {
  type: "hello",
  protocol: PROTOCOL_VERSION,
  agentVersion: "0.0.9",
  epoch: 1,
  lastCommand: 0,
  resources: { cpus: 1, memoryBytes: 1 },
  workspaces: [],
};
/** The first `session.ended` of this protocol. */
const END = {
  outcome: "clean",
  stopReason: "end_turn",
  failure: null,
  branch: null,
  commits: [],
  diffStat: null,
  pushed: false,
  pushError: null,
  bundle: null,
  summary: null,
  usage: null,
  restarts: 0,
  drained: true,
  digest: null,
};
const acknowledged = (n: number) => vi.waitFor(() => expect(agent.frames).toContainEqual({ type: "ack", upTo: n }));

describe("[F48] an older daemon of the same protocol", () => {
  it("is welcomed without the fields that it does not know, gets commands, and reports a whole task", async () => {
    agent.send(HELLO);
    const welcome = await agent.next("welcome");
    expect(Object.keys(welcome).toSorted(), "what it reads is there").toEqual(
      expect.arrayContaining(["lastEvent", "nodeToken", "protocol", "type", "workspaceTokens"]),
    );
    const node = getNodeObject(env, nodeId);
    expect(await node.view()).toMatchObject({ state: "active", runtime: null });
    await node.enqueue(createCommand(lease));
    expect((await agent.next("command")).command.kind).toBe("workspace.create");
    const { workspaceId, sessionId } = lease;
    const at = { at: 1 };
    const events = [
      { kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "c" },
      { kind: "session.started", workspaceId, sessionId, capabilities: null },
      { kind: "session.ended", workspaceId, sessionId, end: END },
    ];
    for (const [index, event] of events.entries()) {
      agent.send({ type: "event", event: { ...event, ...at, n: index + 1 } });
      await acknowledged(index + 1);
    }
    expect(await node.observe(workspaceId)).toMatchObject({ session: { end: { outcome: "clean", warning: null } } });
    await vi.waitFor(async () => expect((await findNode(database(env), nodeId))?.state).toBe("active"));
  });

  it("and a newer one, whose frames have fields that this version does not know, are both read", () => {
    expect(nodeFrame.safeParse(HELLO).success).toBe(true);
    expect(nodeFrame.safeParse({ ...HELLO, later: { added: true } }).success).toBe(true);
  });

  it("of another protocol is asked to upgrade, and its node is replaced", async () => {
    agent.send({ ...HELLO, protocol: PROTOCOL_VERSION - 1 });
    await vi.waitFor(() => expect(agent.closedWith).toBe(LINK_CLOSE.upgrade));
    expect(await getNodeObject(env, nodeId).view()).toMatchObject({ state: "destroying" });
  });

  it("may send texts without a bound: they are cut, because a refused event would lose the session's end", async () => {
    agent.send(HELLO);
    await agent.next("welcome");
    const long = "x".repeat(200_000);
    const end = { ...END, pushError: long, summary: `${"y".repeat(999)}\u{1F375}` };
    const { workspaceId, sessionId } = lease;
    agent.send({
      type: "event",
      event: { kind: "workspace.ready", workspaceId, branch: "b", baseCommit: "c", n: 1, at: 1 },
    });
    agent.send({ type: "event", event: { kind: "session.ended", workspaceId, sessionId, end, n: 2, at: 1 } });
    await acknowledged(2);
    const seen = await getNodeObject(env, nodeId).observe(workspaceId);
    expect(seen?.session.end?.pushError).toHaveLength(4000);
    expect(seen?.session.end?.summary?.isWellFormed()).toBe(true);
    expect(sessionEnd.parse(end).summary?.length).toBe(1000);
  });
});
