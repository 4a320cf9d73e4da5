/** Users of workspaces, as real users of this computer. They need root. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@samovar/base";
import type { HostUser } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createEntry } from "../limits/entry.ts";
import { becomeUser } from "./become-user.ts";
import { chooseUsers } from "./choose-users.ts";
import { findUserProcesses } from "./end-user.ts";
import { killUser } from "./kill-user.ts";
import { emptyPlace, giveTree } from "./places.ts";
import { UserRegistry } from "./user-registry.ts";
import { CAN_CHANGE_USERS, giveUser, type TestUser, TRIAL_USER } from "./users.testing.ts";
import { WorkspaceUsers } from "./workspace-users.ts";

const WAIT = { timeout: 20_000 };

let root: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "smv-users-"));
  chmodSync(root, 0o711);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

const run = (user: HostUser, line: string) => {
  const [file, ...words] = becomeUser(user, ["/bin/sh", "-c", line]);
  return spawnSync(file, words, { cwd: "/", encoding: "utf8", env: { PATH: "/usr/bin:/bin", ROOT: root } });
};

function makeUsers(usersDir = join(root, "users")): WorkspaceUsers {
  const choice = { trial: TRIAL_USER, reason: null };
  return new WorkspaceUsers({ choice, registry: new UserRegistry(usersDir), stateDir: root, logger: silentLogger });
}

const hasUid = (path: string) => lstatSync(path).uid;

describe.runIf(CAN_CHANGE_USERS)("[R48] [security 23] the user of a workspace", () => {
  let user: TestUser;
  beforeEach(async () => {
    user = await giveUser(join(root, "given"));
  });
  afterEach(() => user.end());

  test("has no group, no capability and no way to one", () => {
    const status = run(user, "cat /proc/self/status").stdout;
    const read = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, "m").exec(status)?.[1]?.trim();
    const id = String(user.id);
    expect(read("Uid")?.split("\t")).toEqual([id, id, id, id]);
    expect(read("Gid")?.split("\t")).toEqual([id, id, id, id]);
    expect(read("Groups")).toBe("");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) expect(read(set)).toMatch(/^0+$/);
    expect(read("NoNewPrivs")).toBe("1");
  });

  test("owns its places alone; others pass through the directory and see nothing", async () => {
    const users = makeUsers();
    const [mine, other] = [await users.prepare("mine"), await users.prepare("other")];
    if (mine === null || other === null) throw new Error("no users");
    expect(mine.id).not.toBe(other.id);
    chmodSync(join(root, "w"), 0o711);
    for (const place of ["repo", "home", "home/.config", "tmp"]) {
      expect(hasUid(join(root, "w/mine", place))).toBe(mine.id);
      expect(lstatSync(join(root, "w/mine", place)).mode & 0o777).toBe(0o700);
    }
    expect(hasUid(join(root, "w/mine"))).toBe(0);
    expect(run(mine, "touch $ROOT/w/mine/repo/a && ls $ROOT/w/mine/repo").stdout).toBe("a\n");
    expect(run(mine, "ls $ROOT/w/mine").status).not.toBe(0);
    expect(run(mine, "mv $ROOT/w/mine/home $ROOT/w/mine/gone").status).not.toBe(0);
    expect(run(other, "cat $ROOT/w/mine/repo/a").stderr).toContain("Permission denied");
  });

  test("is refused more processes by the kernel itself, without control groups, while another user starts as many as it wants", async () => {
    const enter = createEntry({ processes: 20, memoryBytes: null, diskBytes: null }, null, true);
    const bomb = "i=0; while [ $i -lt 200 ]; do sleep 80002 & i=$((i + 1)); done; echo all";
    const other = await giveUser(join(root, "other"));
    try {
      const [file, ...words] = enter(becomeUser(user, ["/bin/sh", "-c", `(${bomb}) >/dev/null 2>&1; echo $?`]));
      const ended = spawnSync(file, words, { cwd: "/", encoding: "utf8" });
      expect(ended.stdout).toBe("2\n");
      expect(findUserProcesses(user).length).toBeGreaterThan(20);
      expect(findUserProcesses(user).length).toBeLessThanOrEqual(84);
      expect(run(other, "sleep 0 & wait; echo free").stdout).toBe("free\n");
    } finally {
      await other.end();
    }
  });

  test("stays the same for a daemon that was restarted, and for one that lost its record", async () => {
    const first = await makeUsers().prepare("mine");
    expect(await makeUsers().prepare("mine")).toEqual(first);
    expect(makeUsers(join(root, "empty")).find("mine")).toEqual(first);
  });

  test("loses all its processes at once, however they hide", async () => {
    const hide = 'trap "" TERM HUP; env -i setsid sh -c "(setsid sleep 80001 &)"; while :; do sleep 0.01 & done';
    const [file, ...words] = becomeUser(user, ["/bin/sh", "-c", hide]);
    children.push(spawn(file, words, { cwd: "/", stdio: "ignore", detached: true }));
    await vi.waitFor(() => expect(findUserProcesses(user).length).toBeGreaterThan(2), WAIT);
    await user.end();
    await vi.waitFor(() => expect(findUserProcesses(user)).toEqual([]), WAIT);
  });

  test.each([
    ["kills whoever comes to kill it", 'perl -e "while (1) { kill(9, -1) }"'],
    ["goes on as another process again and again", 'perl -e "while (1) { fork() and exit; kill(9, -1) }"'],
    ["stops whoever comes to kill it", 'perl -e "while (1) { kill(19, -1) }"'],
  ])("loses all its processes when it %s", async (_how, line) => {
    const own = join(root, "given/own");
    mkdirSync(own);
    await giveTree(own, user);
    chmodSync(join(root, "given"), 0o711);
    const seen = join(own, "seen");
    const marking = line.replace("while (1) {", `while (1) { open(F, q(>>), q(${seen})); syswrite(F, 1); close(F);`);
    const [file, ...words] = becomeUser(user, ["/bin/sh", "-c", `exec ${marking}`]);
    children.push(spawn(file, words, { cwd: "/", stdio: "ignore", detached: true }));
    await vi.waitFor(() => expect(lstatSync(seen).size).toBeGreaterThan(20), WAIT);
    killUser(user);
    rmSync(seen);
    // Takes much longer than whoever is left would need to make the file again.
    killUser(user, 0);
    expect(existsSync(seen)).toBe(false);
    expect(findUserProcesses(user)).toEqual([]);
  });

  test("is given again when nothing of it is left: its files in shared directories and its shared memory go", async () => {
    const users = makeUsers();
    const mine = await users.prepare("mine");
    if (mine === null) throw new Error("no user");
    run(
      mine,
      'mkdir -m 700 "/tmp/smv-left-$$" && touch "/tmp/smv-left-$$/a" "/var/tmp/smv-left-$$" "/dev/shm/smv-left-$$"',
    );
    run(mine, "ipcmk --shmem 64 --queue");
    const listLeft = () =>
      ["/tmp", "/var/tmp", "/dev/shm"].flatMap((place) =>
        readdirSync(place).filter((name) => lstatSync(join(place, name), { throwIfNoEntry: false })?.uid === mine.id),
      );
    const listShared = () =>
      ["shm", "msg"].flatMap((kind) =>
        readFileSync(`/proc/sysvipc/${kind}`, "latin1")
          .split("\n")
          .filter((line) => line.includes(` ${mine.id} `)),
      );
    expect(listLeft()).toHaveLength(3);
    expect(listShared()).toHaveLength(2);
    users.kill("mine");
    rmSync(join(root, "w/mine"), { recursive: true });
    await users.release("mine");
    expect(listLeft()).toEqual([]);
    expect(listShared()).toEqual([]);
    expect(users.find("mine")).toBeNull();
  });

  test("gets a tree without what its links lead to", async () => {
    const secret = join(root, "secret");
    mkdirSync(secret);
    writeFileSync(join(secret, "key"), "k");
    const tree = join(root, "tree");
    mkdirSync(join(tree, "sub"), { recursive: true });
    symlinkSync(secret, join(tree, "sub/away"));
    symlinkSync(join(secret, "key"), join(tree, "key"));
    await giveTree(tree, user);
    expect([tree, join(tree, "sub"), join(tree, "sub/away"), join(tree, "key")].map(hasUid)).toEqual(
      Array(4).fill(user.id),
    );
    expect([secret, join(secret, "key")].map(hasUid)).toEqual([0, 0]);
  });

  test("is who empties its places, so that a link leads nowhere", async () => {
    const [secret, place] = [join(root, "secret"), join(root, "given/repo")];
    mkdirSync(secret);
    writeFileSync(join(secret, "key"), "k");
    mkdirSync(join(place, "sub"), { recursive: true });
    symlinkSync(secret, join(place, "away"));
    chmodSync(join(root, "given"), 0o711);
    await giveTree(place, user);
    await emptyPlace(place, user);
    expect(readdirSync(place)).toEqual([]);
    expect(existsSync(join(secret, "key"))).toBe(true);
  });
});

const SHARING = { path: "/usr/bin:/bin", programDirectories: [], files: [process.execPath] };

test("[R48] workspaces share the daemon's user where that is demanded, and where it may not change users", async () => {
  const stateDir = join(root, "state");
  expect(await chooseUsers({ ...SHARING, mode: "shared", stateDir })).toMatchObject({ trial: null });
  if (CAN_CHANGE_USERS) return;
  const { trial, reason } = await chooseUsers({ ...SHARING, mode: "auto", stateDir });
  expect([trial, reason]).toEqual([null, expect.stringMatching(/^The daemon may not change users/)]);
});

describe.runIf(CAN_CHANGE_USERS)("[R48] a daemon that is root", () => {
  test("opens its state for passing alone: what an earlier vm-agent left there becomes private", async () => {
    const stateDir = join(root, "state");
    mkdirSync(stateDir);
    writeFileSync(join(stateDir, "daemon.sqlite"), "x", { mode: 0o644 });
    expect(await chooseUsers({ ...SHARING, mode: "auto", stateDir })).toEqual({
      trial: expect.objectContaining({ setpriv: "/usr/bin/setpriv" }),
      reason: null,
    });
    const mode = (name: string) => lstatSync(join(stateDir, name)).mode & 0o777;
    expect([mode("."), mode("w"), mode("daemon.sqlite")]).toEqual([0o711, 0o711, 0o600]);
  });

  test("names the directory that is closed to its workspaces' users", async () => {
    chmodSync(root, 0o700);
    const { trial, reason } = await chooseUsers({ ...SHARING, mode: "auto", stateDir: join(root, "state") });
    expect(trial).toBeNull();
    expect(reason).toBe(
      `Other users cannot pass ${root}, where Samovar keeps its files. Allow it, for example with: chmod o+x ${root}`,
    );
  });
});
