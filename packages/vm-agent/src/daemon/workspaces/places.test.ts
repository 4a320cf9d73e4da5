/** Tests of where a workspace's files lie, with real sockets. */
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ids } from "../control-plane.testing.ts";
import { makeDirectory } from "../git/repositories.testing.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import { placeOf, removeSessionLinks, sessionDirectory } from "./places.ts";

let root: string;
beforeEach(() => {
  root = makeDirectory();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function aWorkspace(sessionId = ids.make("ses")): WorkspaceRow {
  const commitIdentity = { name: "S", email: "s@l" };
  const id = ids.make("wsp");
  const args = {
    workspaceId: id,
    projectId: null,
    sessionId,
    taskId: null,
    repoUrl: "/r",
    baseBranch: null,
    branch: "b",
    commitIdentity,
    checkout: { submodules: false, lfs: false, hooks: false },
  };
  return { id, place: "abc", args, state: "ready", branch: null, baseCommit: null };
}

async function listensIn(directory: string): Promise<boolean> {
  const server = createServer();
  const listening = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(join(directory, "host.sock"), () => resolve(true));
  });
  await new Promise((resolve) => server.close(resolve));
  return listening;
}

test("a short path is used as it is, apart for each session", () => {
  const sessionId = ids.make("ses");
  const workspace = aWorkspace(sessionId);
  expect(sessionDirectory(root, workspace, sessionId)).toBe(join(root, "w/abc/session"));
  expect(sessionDirectory(root, workspace, ids.make("ses"))).not.toBe(join(root, "w/abc/session"));
});

test("a path that is too long for a socket is reached through a short link, which goes with the workspace", async () => {
  const stateDir = join(root, "long".repeat(25));
  mkdirSync(stateDir);
  const sessionId = ids.make("ses");
  const workspace = aWorkspace(sessionId);
  const directory = sessionDirectory(stateDir, workspace, sessionId);
  expect(lstatSync(directory).isSymbolicLink()).toBe(true);
  expect(await listensIn(directory)).toBe(true);
  expect(sessionDirectory(stateDir, workspace, sessionId)).toBe(directory);
  removeSessionLinks(stateDir, workspace, [{ id: sessionId }]);
  expect(existsSync(directory)).toBe(false);
});

test("places are short and never shared", () => {
  const taken = new Set<string>();
  for (let n = 0; n < 50; n++) taken.add(placeOf(ids.make("wsp"), (place) => taken.has(place)));
  expect(taken.size).toBe(50);
  expect(placeOf("wsp_01abcdefgh", (place) => place === "abcdefgh")).toBe("1abcdefgh");
});
