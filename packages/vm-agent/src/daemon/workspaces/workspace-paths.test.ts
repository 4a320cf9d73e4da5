/** Paths of a workspace's files, with real sockets. */
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ids } from "../control-plane.testing.ts";
import { makeDirectory } from "../git/repositories.testing.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import { chooseDirectoryName, removeSessionLinks, ensureSessionDirectory } from "./workspace-paths.ts";

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
  return { id, directoryName: "abc", args, state: "ready", branch: null, baseCommit: null };
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

test("uses a short path as it is, with a directory per session", () => {
  const sessionId = ids.make("ses");
  const workspace = aWorkspace(sessionId);
  expect(ensureSessionDirectory(root, workspace, sessionId)).toBe(join(root, "w/abc/session"));
  expect(ensureSessionDirectory(root, workspace, ids.make("ses"))).not.toBe(join(root, "w/abc/session"));
});

test("reaches a path that is too long for a socket through a short link, which is removed with the workspace", async () => {
  const stateDir = join(root, "long".repeat(25));
  mkdirSync(stateDir);
  const sessionId = ids.make("ses");
  const workspace = aWorkspace(sessionId);
  const directory = ensureSessionDirectory(stateDir, workspace, sessionId);
  expect(lstatSync(directory).isSymbolicLink()).toBe(true);
  expect(await listensIn(directory)).toBe(true);
  expect(ensureSessionDirectory(stateDir, workspace, sessionId)).toBe(directory);
  removeSessionLinks(stateDir, workspace, [{ id: sessionId }]);
  expect(existsSync(directory)).toBe(false);
});

test("chooses short directory names that are never shared", () => {
  const taken = new Set<string>();
  for (let n = 0; n < 50; n++)
    taken.add(chooseDirectoryName(ids.make("wsp"), (directoryName) => taken.has(directoryName)));
  expect(taken.size).toBe(50);
  expect(chooseDirectoryName("wsp_01abcdefgh", (directoryName) => directoryName === "abcdefgh")).toBe("1abcdefgh");
});
