/** The daemon's store on real files. */
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { AGENTS } from "@samovar/domain/agents";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { rmSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDirectory } from "../git/repositories.testing.ts";
import { StoreBusyError } from "./open-store.ts";
import { DaemonStore } from "./store.ts";

const ids = idSource(systemClock, systemRandom);
const clock = { now: () => 1000 };
let root: string;
let file: string;
let store: DaemonStore;

beforeEach(() => {
  root = makeDirectory();
  file = join(root, "daemon.sqlite");
  store = new DaemonStore(file, clock);
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});

function reopen(): void {
  store.close();
  store = new DaemonStore(file, clock);
}
const appendDestroyed = () => {
  const workspaceId = ids.make("wsp");
  store.transaction(() => store.append({ kind: "workspace.destroyed", workspaceId }));
  return workspaceId;
};
const numbers = () => store.eventsAfter(0).map((event) => event.n);

test("events keep their order and numbers across a restart, and numbers are never reused", () => {
  appendDestroyed();
  appendDestroyed();
  store.forgetEvents(2);
  reopen();
  appendDestroyed();
  expect(numbers()).toEqual([3]);
  expect(store.highestEvent()).toBe(3);
});

test("rolls back a change whose event cannot be written", () => {
  const workspaceId = ids.make("wsp");
  expect(() =>
    store.transaction(() => {
      store.recordCommand({ id: "c1", n: 1, kind: "workspace.destroy" });
      store.append({ kind: "workspace.ready", workspaceId, branch: "a", baseCommit: "b" });
      throw new Error("power");
    }),
  ).toThrow("power");
  expect(store.lastCommand()).toBe(0);
  expect(numbers()).toEqual([]);
});

test("notifies listeners once an event is on disk, and of nothing else", () => {
  const notified: number[][] = [];
  store.onEvent(() => notified.push(numbers()));
  store.transaction(() => store.recordCommand({ id: "c1", n: 1, kind: "node.drain" }));
  appendDestroyed();
  expect(notified).toEqual([[1]]);
});

test("records a command once by its id, and restarts the numbers with a new epoch", () => {
  store.enterEpoch(1);
  expect(store.transaction(() => store.recordCommand({ id: "c1", n: 7, kind: "node.drain" }))).toBe(true);
  expect(store.transaction(() => store.recordCommand({ id: "c1", n: 7, kind: "node.drain" }))).toBe(false);
  reopen();
  store.enterEpoch(1);
  expect(store.lastCommand()).toBe(7);
  store.enterEpoch(2);
  expect(store.lastCommand()).toBe(0);
});

test("renumbers pending events when the control plane has seen higher numbers than this file assigned", () => {
  const workspaceId = appendDestroyed();
  store.renumberAbove(57);
  expect(store.eventsAfter(0)).toMatchObject([{ n: 58, kind: "workspace.destroyed", workspaceId }]);
  appendDestroyed();
  expect(numbers()).toEqual([58, 59]);
});

test("restores workspaces and sessions after a restart", () => {
  const workspaceId = ids.make("wsp");
  const sessionId = ids.make("ses");
  const args = {
    workspaceId,
    projectId: null,
    sessionId,
    taskId: null,
    repoUrl: "/r",
    baseBranch: null,
    branch: "task/a",
    commitIdentity: { name: "S", email: "s@l" },
    checkout: PLAIN_CHECKOUT,
  };
  const startArgs = {
    workspaceId,
    sessionId,
    agent: AGENTS.script.recipe,
    model: null,
    permissionMode: null,
    setupTimeoutMs: 1,
    prompt: { messageId: ids.messageId(), text: "hello" },
    idleTimeoutMs: 1,
    maxDurationMs: 1,
    finish: { commit: true, push: true, commitMessage: "m" },
  };
  store.addWorkspace(args, "abc");
  store.setWorkspace(workspaceId, { state: "ready", branch: "task/a-2", baseCommit: "f00" });
  store.addSession(startArgs);
  store.setSession(sessionId, {
    phase: "launched",
    launches: 2,
    process: { pid: 7, startTime: "9" },
    cancelReason: "enough",
    startReported: true,
  });
  reopen();
  expect(store.workspace(workspaceId)).toEqual({
    id: workspaceId,
    directoryName: "abc",
    args,
    state: "ready",
    branch: "task/a-2",
    baseCommit: "f00",
  });
  expect(store.session(sessionId)).toEqual({
    id: sessionId,
    workspaceId,
    args: startArgs,
    phase: "launched",
    cancelReason: "enough",
    startReported: true,
    launches: 2,
    mark: null,
    process: { pid: 7, startTime: "9" },
    reportedEnd: null,
    finish: null,
  });
  store.removeWorkspace(workspaceId);
  expect(store.sessions()).toEqual([]);
});

test("refuses a second daemon on the same node", () => {
  expect(() => new DaemonStore(file, clock)).toThrow(StoreBusyError);
});

test("[F34] moves a corrupt file away and keeps what can be read", () => {
  const workspaceId = appendDestroyed();
  store.close();
  const bytes = readFileSync(file);
  // The last page belongs to the table that was created last; the events come before it.
  bytes.fill(0xff, bytes.length - 4096);
  writeFileSync(file, bytes);
  store = new DaemonStore(file, clock);
  expect(store.salvage?.movedTo).toBe(`${file}.damaged-1000`);
  expect(existsSync(`${file}.damaged-1000`)).toBe(true);
  expect(store.eventsAfter(0)).toMatchObject([{ workspaceId }]);
});

test("[F34] moves away a file that is not a database", () => {
  store.close();
  writeFileSync(file, "tea".repeat(5000));
  store = new DaemonStore(file, clock);
  expect(store.salvage).not.toBeNull();
  appendDestroyed();
  expect(numbers()).toEqual([1]);
});
