/** The link against a real WebSocket server, with time in the test's hand. */
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
const eventually = (look: () => void) => vi.waitFor(look, { interval: 5 });

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
  // A link of the test before may still be closing: it speaks to its own list.
  const own: string[] = [];
  states = own;
  link = new Link(
    { controlPlaneUrl: plane.url, nodeId: plane.nodeId, agentVersion: "1", epoch: 3, token: () => nodeToken },
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
      onConnected: () => own.push("connected"),
      onDisconnected: () => own.push("disconnected"),
      onGone: () => own.push("gone"),
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

test("says hello with what it has, and comes back with the token that the welcome brought", async () => {
  link.start();
  await connected();
  expect(plane.upgrades).toEqual(["Bearer first-token"]);
  expect(plane.hellos[0]).toMatchObject({ epoch: 3, lastCommand: 0, workspaces: [], protocol: PROTOCOL_VERSION });
  plane.cut();
  await lost();
  timers.advance(250);
  await connected(2);
  expect(plane.upgrades[1]).toBe("Bearer node-token-1");
});

test("events from before the connection and after it arrive in order and are forgotten when acknowledged", async () => {
  append();
  link.start();
  await connected();
  append();
  await eventually(() => expect(numbers()).toEqual([1, 2]));
  await eventually(() => expect(store.eventsAfter(0)).toEqual([]));
});

test("[F4] an event whose acknowledgement was lost is not sent again when the welcome says that it is there", async () => {
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

test("[F3] an event that was lost on its way is sent again", async () => {
  link.start();
  await connected();
  plane.cut();
  append();
  await lost();
  timers.advance(250);
  await eventually(() => expect(numbers()).toEqual([1]));
});

test("a control plane that knows higher numbers gets pending events above them", async () => {
  append();
  plane.lastEventOverride = 40;
  link.start();
  await eventually(() => expect(plane.arrivals).toEqual([41]));
});

test("[F45] a command that comes twice is handed on once, and acknowledged both times", async () => {
  link.start();
  await connected();
  plane.send({ type: "command", command: drain(1) });
  plane.send({ type: "command", command: drain(1) });
  plane.send({ type: "command", command: drain(2) });
  await plane.until(() => plane.ackedCommand === 2 || undefined);
  expect(commands.map((command) => command.id)).toEqual(["c1", "c2"]);
});

test("a command of an unknown kind is told apart and acknowledged; an unknown frame is ignored", async () => {
  link.start();
  await connected();
  plane.send('{"type":"novelty","x":1}');
  plane.send('{"type":"command","command":{"n":5,"id":"c5","kind":"agent.update","args":{}}}');
  await plane.until(() => plane.ackedCommand === 5 || undefined);
  expect(unknown).toEqual(["agent.update"]);
});

test.each(["not json", '"text"', '{"type":"ack","upTo":"x"}'])(
  "a malformed frame (%s) ends the connection, and the link dials again",
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

test("waits grow to the limit and begin anew after a welcome", async () => {
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

test.each([401, 403, 404])("a refusal with %d is asked about again, but seldom", async (status) => {
  plane.refuseLink = status;
  link.start();
  await lost();
  expect(timers.untilNext()).toBe(30_000);
});

test("a connection that answers no pings is given up", async () => {
  link.start();
  await connected();
  plane.answerPings = false;
  for (let pings = 1; pings <= 2; pings++) {
    timers.advance(20_000);
    await eventually(() => expect(plane.pings).toBe(pings));
  }
  await plane.answered();
  expect(states).toEqual(["connected"]);
  timers.advance(20_000);
  await lost();
  expect(plane.pings).toBe(2);
});

test("a connection that answers pings is kept", async () => {
  link.start();
  await connected();
  for (let pings = 1; pings <= 5; pings++) {
    timers.advance(20_000);
    await eventually(() => expect(plane.pings).toBe(pings));
    await plane.answered();
  }
  expect(states).toEqual(["connected"]);
});

test("gone is for ever", async () => {
  link.start();
  await connected();
  plane.close(LINK_CLOSE.gone);
  await eventually(() => expect(states).toContain("gone"));
  timers.advance(3_600_000);
  expect(plane.upgrades).toHaveLength(1);
});

test("another protocol ends the connection and is asked about again, but seldom", async () => {
  plane.protocol = PROTOCOL_VERSION + 1;
  link.start();
  await lost();
  expect(states).toEqual(["disconnected"]);
  expect(timers.untilNext()).toBe(30_000);
});

test("[F38] tokens come with the welcome and when they are asked for", async () => {
  const [workspaceId, sessionId] = [ids.make("wsp"), ids.make("ses")];
  plane.tokens.set(sessionId, { workspaceId, sessionId, token: "one", expiresAt: 9 });
  link.start();
  await connected();
  plane.tokens.set(sessionId, { workspaceId, sessionId, token: "two", expiresAt: 9 });
  link.renew([workspaceId]);
  await eventually(() => expect(tokens.map((token) => token.token)).toEqual(["one", "two"]));
});

test("a question is answered on the connection that it came by, and one of an unknown kind is refused", async () => {
  const look = { kind: "workspace.diff", workspaceId: ids.make("wsp") } as const;
  const given = { path: "/w/repo", branch: "task/a", head: null, files: [], diff: "", truncated: false };
  answerCall = async (call) => {
    expect(call).toEqual(look);
    return { kind: "workspace.diff", diff: given };
  };
  link.start();
  await connected();
  expect(await plane.ask(look)).toEqual({ kind: "workspace.diff", diff: given });
  plane.send('{"type":"call","id":"later","call":{"kind":"weather.report"}}');
  await plane.until(() => plane.replies.has("later"));
  expect(plane.replies.get("later")).toMatchObject({ kind: "failed", failure: { code: "unknown_call" } });
});

test("an answer that comes after the connection has gone is dropped; the next question is answered", async () => {
  const look = { kind: "workspace.diff", workspaceId: ids.make("wsp") } as const;
  const asked = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<NodeReply>();
  answerCall = () => {
    asked.resolve();
    return slow.promise;
  };
  link.start();
  await connected();
  plane.send({ type: "call", id: "cut off", call: look });
  await asked.promise;
  plane.cut();
  await lost();
  slow.resolve({ kind: "failed", failure: { code: "late", message: "late" } });
  timers.advance(250);
  await connected(2);
  answerCall = async () => ({ kind: "failed", failure: { code: "soon", message: "soon" } });
  expect(await plane.ask(look)).toMatchObject({ failure: { code: "soon" } });
  expect(plane.replies.has("cut off")).toBe(false);
});
