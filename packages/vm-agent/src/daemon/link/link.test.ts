/** The link against a real WebSocket server, with manual timers. */
import { idSource, silentLogger, systemClock, systemRandom } from "@samovar/base";
import type { Command, NodeCall, NodeReply, WorkspaceToken } from "@samovar/contracts";
import { LINK_CLOSE, PROTOCOL_VERSION } from "@samovar/contracts";
import { type TestTime, testTime } from "@samovar/testing";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TestControlPlane } from "../control-plane.testing.ts";
import { makeDirectory } from "../git/repositories.testing.ts";
import { DaemonStore } from "../store/store.ts";
import { Link } from "./link.ts";

const ids = idSource(systemClock, systemRandom);
vi.setConfig({ testTimeout: 60_000 });
const eventually = (check: () => void) => vi.waitFor(check, { interval: 5 });

let root: string;
let plane: TestControlPlane;
let store: DaemonStore;
let timers: TestTime;
let link: Link;
let commands: Command[];
let unknown: string[];
let tokens: WorkspaceToken[];
let nodeToken: string;
let answerCall: (call: NodeCall) => Promise<NodeReply>;
let states: string[];

beforeEach(async () => {
  root = makeDirectory();
  plane = await new TestControlPlane().start();
  store = new DaemonStore(join(root, "s.sqlite"), systemClock);
  timers = testTime();
  [commands, unknown, tokens, nodeToken] = [[], [], [], "first-token"];
  answerCall = async () => ({ kind: "failed", failure: { code: "x", message: "x" } });
  // The previous test's link may still be closing: each link has a separate list.
  const observed: string[] = [];
  states = observed;
  link = new Link(
    {
      controlPlaneUrl: plane.url,
      nodeId: plane.nodeId,
      agentVersion: "1",
      epoch: 3,
      getRuntime: () => ({ kind: "process", reason: "tea is not sand" }),
      getToken: () => nodeToken,
    },
    {
      onCommand: (command) => {
        if (store.transaction(() => store.recordCommand(command))) commands.push(command);
      },
      onUnknownCommand: (command) => {
        store.transaction(() => store.recordCommand(command));
        unknown.push(command.kind);
      },
      onCall: (call) => answerCall(call),
      onNodeToken: (token) => (nodeToken = token.token),
      onWorkspaceTokens: (given) => tokens.push(...given),
      onConnected: () => observed.push("connected"),
      onDisconnected: () => observed.push("disconnected"),
      onGone: () => observed.push("gone"),
    },
    { clock: systemClock, timers, random: { ...systemRandom, next: () => 1 }, logger: silentLogger, store },
  );
});
afterEach(() => {
  link.stop();
  plane.stop();
  timers.advance(3_600_000);
  store.close();
  rmSync(root, { recursive: true, force: true });
});

const append = () =>
  store.transaction(() => store.append({ kind: "workspace.destroyed", workspaceId: ids.make("wsp") }));
const numbers = () => plane.events.map((event) => event.n);
const drain = (n: number): Command => ({ n, id: `c${n}`, kind: "node.drain", args: {} });
const connected = (times = 1) =>
  eventually(() => expect(states.filter((state) => state === "connected")).toHaveLength(times));
const lost = (times = 1) =>
  eventually(() => expect(states.filter((state) => state === "disconnected")).toHaveLength(times));

test("sends its state in the hello, and reconnects with the token from the welcome", async () => {
  link.start();
  await connected();
  expect(plane.upgrades).toEqual(["Bearer first-token"]);
  expect(plane.hellos[0]).toMatchObject({
    epoch: 3,
    lastCommand: 0,
    workspaces: [],
    protocol: PROTOCOL_VERSION,
    runtime: { kind: "process", reason: "tea is not sand" },
  });
  plane.cut();
  await lost();
  timers.advance(250);
  await connected(2);
  expect(plane.upgrades[1]).toBe("Bearer node-token-1");
});

test("delivers events from before and after the connection in order, and deletes them once acknowledged", async () => {
  append();
  link.start();
  await connected();
  append();
  await eventually(() => expect(numbers()).toEqual([1, 2]));
  await eventually(() => expect(store.eventsAfter(0)).toEqual([]));
});

test("[F4] does not resend an event whose acknowledgement was lost when the welcome confirms it", async () => {
  plane.withholdAcks = true;
  link.start();
  await connected();
  append();
  await eventually(() => expect(plane.arrivals).toEqual([1]));
  plane.cut();
  await lost();
  append();
  timers.advance(250);
  await eventually(() => expect(plane.arrivals).toEqual([1, 2]));
  expect(store.eventsAfter(0).map((event) => event.n)).toEqual([2]);
});

test("[F3] resends an event that was lost in transit", async () => {
  link.start();
  await connected();
  plane.cut();
  append();
  await lost();
  timers.advance(250);
  await eventually(() => expect(numbers()).toEqual([1]));
});

test("renumbers pending events above the highest number that the control plane knows", async () => {
  append();
  plane.lastEventOverride = 40;
  link.start();
  await eventually(() => expect(plane.arrivals).toEqual([41]));
});

test("[F45] passes on a duplicate command once, and acknowledges it both times", async () => {
  link.start();
  await connected();
  plane.send({ type: "command", command: drain(1) });
  plane.send({ type: "command", command: drain(1) });
  plane.send({ type: "command", command: drain(2) });
  await plane.until(() => plane.ackedCommand === 2 || undefined);
  expect(commands.map((command) => command.id)).toEqual(["c1", "c2"]);
});

test("reports and acknowledges a command of an unknown kind, and ignores an unknown frame", async () => {
  link.start();
  await connected();
  plane.send('{"type":"novelty","x":1}');
  plane.send('{"type":"command","command":{"n":5,"id":"c5","kind":"agent.update","args":{}}}');
  await plane.until(() => plane.ackedCommand === 5 || undefined);
  expect(unknown).toEqual(["agent.update"]);
});

test.each(["not json", '"text"', '{"type":"ack","upTo":"x"}'])(
  "closes the connection on a malformed frame (%s), and redials",
  async (frame) => {
    link.start();
    await connected();
    plane.send(frame);
    await lost();
    expect(plane.closeCodes).toEqual([LINK_CLOSE.malformed]);
    timers.advance(250);
    await connected(2);
    expect(states).toEqual(["connected", "disconnected", "connected"]);
  },
);

test("backs off up to the limit, and resets after a welcome", async () => {
  plane.refuseLink = 503;
  link.start();
  for (const [failures, waitMs] of [250, 500, 1000, 2000, 4000, 5000, 5000].entries()) {
    await lost(failures + 1);
    expect(timers.untilNext()).toBe(waitMs);
    timers.advance(waitMs);
  }
  await lost(8);
  plane.refuseLink = null;
  timers.advance(5000);
  await connected();
  plane.cut();
  await lost(9);
  expect(timers.untilNext()).toBe(250);
});

test.each([401, 403, 404])("retries slowly after a refusal with %d", async (status) => {
  plane.refuseLink = status;
  link.start();
  await lost();
  expect(timers.untilNext()).toBe(30_000);
});

test("drops a connection that answers no pings", async () => {
  link.start();
  await connected();
  plane.answerPings = false;
  for (let pings = 1; pings <= 2; pings++) {
    timers.advance(20_000);
    await eventually(() => expect(plane.pings).toBe(pings));
  }
  await plane.allRead();
  expect(states).toEqual(["connected"]);
  timers.advance(20_000);
  await lost();
  expect(plane.pings).toBe(2);
});

test("keeps a connection that answers pings", async () => {
  link.start();
  await connected();
  for (let pings = 1; pings <= 5; pings++) {
    timers.advance(20_000);
    await eventually(() => expect(plane.pings).toBe(pings));
    await plane.allRead();
  }
  expect(states).toEqual(["connected"]);
});

test("never redials once the node is gone", async () => {
  link.start();
  await connected();
  plane.close(LINK_CLOSE.gone);
  await eventually(() => expect(states).toContain("gone"));
  timers.advance(3_600_000);
  expect(plane.upgrades).toHaveLength(1);
});

test("closes the connection on another protocol version, and retries slowly", async () => {
  plane.protocol = PROTOCOL_VERSION + 1;
  link.start();
  await lost();
  expect(states).toEqual(["disconnected"]);
  expect(timers.untilNext()).toBe(30_000);
});

test("[F38] receives tokens with the welcome and on request", async () => {
  const [workspaceId, sessionId] = [ids.make("wsp"), ids.make("ses")];
  plane.tokens.set(sessionId, { workspaceId, sessionId, token: "one", expiresAt: 9 });
  link.start();
  await connected();
  plane.tokens.set(sessionId, { workspaceId, sessionId, token: "two", expiresAt: 9 });
  link.renew([workspaceId]);
  await eventually(() => expect(tokens.map((token) => token.token)).toEqual(["one", "two"]));
});

test("replies to a call on its connection, and refuses one of an unknown kind", async () => {
  const look = { kind: "workspace.diff", workspaceId: ids.make("wsp") } as const;
  const given = { path: "/w/repo", branch: "task/a", head: null, files: [], diff: "", truncated: false };
  answerCall = async (call) => {
    expect(call).toEqual(look);
    return { kind: "workspace.diff", diff: given };
  };
  link.start();
  await connected();
  expect(await plane.call(look)).toEqual({ kind: "workspace.diff", diff: given });
  plane.send('{"type":"call","id":"later","call":{"kind":"weather.report"}}');
  await plane.until(() => plane.replies.has("later"));
  expect(plane.replies.get("later")).toMatchObject({ kind: "failed", failure: { code: "unknown_call" } });
});

test("drops a reply whose connection is lost, and answers the next call", async () => {
  const look = { kind: "workspace.diff", workspaceId: ids.make("wsp") } as const;
  const received = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<NodeReply>();
  answerCall = () => {
    received.resolve();
    return slow.promise;
  };
  link.start();
  await connected();
  plane.send({ type: "call", id: "cut off", call: look });
  await received.promise;
  plane.cut();
  await lost();
  slow.resolve({ kind: "failed", failure: { code: "late", message: "late" } });
  timers.advance(250);
  await connected(2);
  answerCall = async () => ({ kind: "failed", failure: { code: "soon", message: "soon" } });
  expect(await plane.call(look)).toMatchObject({ failure: { code: "soon" } });
  expect(plane.replies.has("cut off")).toBe(false);
});
