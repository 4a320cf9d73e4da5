/** The keeper on a real store. */
import { idSource, ok, silentLogger, systemClock, systemRandom } from "@samovar/base";
import { PLAIN_CHECKOUT } from "@samovar/contracts";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSignal, makeDirectory } from "../git/repositories.testing.ts";
import { DaemonStore } from "../store/store.ts";
import { SHARED_USERS } from "../../users/choose-users.ts";
import { UserRegistry } from "../../users/user-registry.ts";
import { WorkspaceUsers } from "../../users/workspace-users.ts";
import { WorkspaceKeeper } from "./workspace-keeper.ts";
import { getWorkspaceDirectory } from "./workspace-paths.ts";

const ids = idSource(systemClock, systemRandom);
let root: string;
let store: DaemonStore;

beforeEach(() => {
  root = makeDirectory();
  store = new DaemonStore(join(root, "daemon.sqlite"), systemClock);
});
afterEach(() => {
  store.close();
  rmSync(root, { recursive: true, force: true });
});

function makeKeeper(): WorkspaceKeeper {
  return new WorkspaceKeeper({
    store,
    logger: silentLogger,
    stateDir: root,
    users: new WorkspaceUsers({
      choice: SHARED_USERS,
      registry: new UserRegistry(join(root, "users")),
      stateDir: root,
      logger: silentLogger,
    }),
    callback: { fetchGitLogin: () => Promise.resolve(ok(null)) },
    cloneTimeoutMs: 10_000,
    stopping: createSignal(),
    endSessions: () => Promise.resolve(),
    onChange: () => {},
    onCreating: () => {},
    onIdle: () => {},
  });
}

test("[R24] removes a workspace that was just read when its removal was requested: no command of a burst is missed", async () => {
  const workspaceId = ids.make("wsp");
  const directory = getWorkspaceDirectory(root, "ready");
  mkdirSync(directory, { recursive: true });
  store.addWorkspace(
    {
      workspaceId,
      projectId: ids.make("prj"),
      sessionId: ids.make("ses"),
      repoUrl: "/unused",
      baseBranch: "main",
      branch: "task/a",
      taskId: null,
      commitIdentity: { name: "Tea", email: "tea@localhost" },
      checkout: PLAIN_CHECKOUT,
    },
    "ready",
  );
  store.setWorkspace(workspaceId, { state: "ready" });
  const keeper = makeKeeper();
  keeper.wake(workspaceId);
  store.setWorkspace(workspaceId, { state: "destroying" });
  keeper.wake(workspaceId);
  await vi.waitFor(() => expect(store.workspace(workspaceId)).toBeNull());
  expect(existsSync(directory)).toBe(false);
  expect(store.eventsAfter(0)).toMatchObject([{ kind: "workspace.destroyed", workspaceId }]);
});
