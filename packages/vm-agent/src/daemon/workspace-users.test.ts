/** Two workspaces of one node, each with a user of its own, without a sandbox. They need root. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentUnit } from "@samovar/cloud-init";
import { AGENTS } from "@samovar/domain/agents";
import { VM_AGENT_MODULE } from "@samovar/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CAN_CHANGE_USERS } from "../users/users.testing.ts";
import { findUserProcesses } from "../users/end-user.ts";
import { aRun, fence, TestNode, type TestRun, waitForExit, withEarlyAgent } from "./daemon.testing.ts";
import { makeRepository } from "./git/repositories.testing.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });
const WAIT = { timeout: 60_000, interval: 50 };

let node: TestNode;
beforeEach(async () => {
  node = await new TestNode().prepare();
});
afterEach(() => node.clean());

const origin = () => makeRepository(join(node.root, "origin"));
const listCheckouts = () => node.checkouts().map((name) => join(node.stateDir, "w", name));
const getOwner = (workspace: string) => lstatSync(join(workspace, "repo")).uid;

async function start(run: TestRun): Promise<string> {
  const before = new Set(listCheckouts());
  node.controlPlane.enqueue(run.create);
  await node.controlPlane.event("workspace.ready");
  const made = listCheckouts().find((each) => !before.has(each)) ?? "";
  node.controlPlane.enqueue(run.start);
  return made;
}

/** Prints the names of those that succeed. `$1`: the other workspace; `$2`: a process of it; `$3`: the node's state. */
const ATTACKS = `
try() { name=$1; shift; "$@" >/dev/null 2>&1 && echo "$name"; }
cd /
try own-checkout test -w "$OLDPWD"
try checkout cat "$1/repo/README.md"
try checkout-list ls "$1/repo"
try home ls "$1/home"
try outbox cat "$1/session/host.sqlite"
try launch cat "$1/session/host.json"
try settings cat "$1/trusted.gitconfig"
try clean-repository ls "$1/clean"
try host-socket perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new($ARGV[0]) or exit 1' "$1/session/host.sock"
try signal kill -CONT "$2"
try environment cat "/proc/$2/environ"
try working-directory ls "/proc/$2/cwd/"
try identity cat "$3/identity.json"
try database cat "$3/daemon.sqlite"
try workspaces ls "$3/w"
try plant-agent mkdir "$3/agents/x"
try become-root setpriv --reuid=0 true
try become-neighbour setpriv --reuid="$(stat -c %u "/proc/$2")" true
exit 0`;

describe.runIf(CAN_CHANGE_USERS)("[R48] [security 23] a node that gives each workspace a user of its own", () => {
  test("an agent without a sandbox reads, signals and opens nothing of another workspace and of the daemon", async () => {
    node.startDaemon();
    const repository = origin();
    const victim = await start(aRun(node, repository, fence("sh", "exec sleep 7654")));
    await node.controlPlane.event("session.started");
    const [pid = 0] = await vi.waitFor(() => {
      const found = findUserProcesses({ id: getOwner(victim) });
      const sleeping = found.filter((each) => readFileSync(`/proc/${each}/cmdline`, "latin1").startsWith("sleep"));
      expect(sleeping).toHaveLength(1);
      return sleeping;
    }, WAIT);
    writeFileSync(join(node.root, "attacks"), ATTACKS, { mode: 0o755 });
    const attack = `sh ${join(node.root, "attacks")} ${victim} ${pid} ${node.stateDir} >reached 2>&1`;
    const attacker = aRun(node, repository, fence("sh", attack));
    const second = { ...attacker, create: withBranch(attacker.create) };
    const checkouts = new Set(listCheckouts());
    node.controlPlane.enqueue(second.create);
    node.controlPlane.enqueue(second.start);
    const made = await vi.waitFor(() => {
      const found = listCheckouts().find((each) => !checkouts.has(each));
      expect(readFileSync(join(found ?? "", "repo/reached"), "utf8")).not.toBe("");
      return found ?? "";
    }, WAIT);
    await vi.waitFor(
      () => expect(node.controlPlane.events.some(({ kind }) => kind === "session.ended")).toBe(true),
      WAIT,
    );
    expect(readFileSync(join(made, "repo/reached"), "utf8")).toBe("own-checkout\n");
    expect(getOwner(made)).not.toBe(getOwner(victim));
  });

  test("work goes on under the same user when the daemon is killed, and nothing of the user outlives the workspace", async () => {
    const first = node.startDaemon();
    const left = "env -i setsid sh -c '(setsid sleep 7655 &)'; while ! test -e go; do sleep 0.05; done; id -u >id";
    const run = aRun(node, origin(), fence("sh", left));
    const workspace = await start(run);
    const id = getOwner(workspace);
    await vi.waitFor(() => expect(findUserProcesses({ id }).length).toBeGreaterThan(1), WAIT);
    first.kill("SIGKILL");
    await waitForExit(first);
    node.startDaemon();
    writeFileSync(join(workspace, "repo/go"), "");
    const { end } = await node.controlPlane.event("session.ended");
    expect(end).toMatchObject({ outcome: "clean", pushed: true });
    expect(readFileSync(join(workspace, "repo/id"), "utf8")).toBe(`${id}\n`);
    await vi.waitFor(() => expect(findUserProcesses({ id })).toEqual([]), WAIT);
    node.controlPlane.enqueue(run.destroy);
    await node.controlPlane.event("workspace.destroyed");
    expect(readdirSync(join(node.stateDir, "w")).map((name) => join(node.stateDir, "w", name))).not.toContain(
      workspace,
    );
  });

  test("a daemon with the capabilities that its unit leaves it does all work, in a sandbox where one works, and removes it", async () => {
    const kept = /^CapabilityBoundingSet=(.*)$/m.exec(agentUnit({}))?.[1] ?? "";
    const names = kept.split(" ").map((name) => `+${name.slice("CAP_".length).toLowerCase()}`);
    node.launcher = ["setpriv", `--bounding-set=-all,${names.join()}`, "--inh-caps=-all", "--no-new-privs"];
    node.env = { WORKSPACE_RUNTIME: "auto", WORKSPACE_USERS: "separate" };
    const env = { PATH: process.env["PATH"], HOME: node.root, SAMOVAR_ROOT: node.root, ...node.env };
    const unlimited = execFileSync(process.execPath, [VM_AGENT_MODULE, "runtime", node.stateDir], {
      env,
      encoding: "utf8",
    });
    node.startDaemon();
    await node.controlPlane.until(() => node.controlPlane.hellos.length > 0);
    expect(node.controlPlane.hellos[0]?.runtime?.kind, unlimited).toBe(JSON.parse(unlimited).kind);
    const made = withEarlyAgent(aRun(node, origin(), fence("sh", "id -u >id; grep ^CapBnd /proc/self/status >caps")));
    const workspace = await start(made);
    const { end } = await node.controlPlane.event("session.ended");
    expect(end).toMatchObject({ outcome: "clean", pushed: true });
    expect(readFileSync(join(workspace, "repo/id"), "utf8")).toBe(`${getOwner(workspace)}\n`);
    expect(readFileSync(join(workspace, "repo/caps"), "utf8")).toBe("CapBnd:\t0000000000000000\n");
    node.controlPlane.enqueue(made.destroy);
    await node.controlPlane.event("workspace.destroyed");
    expect(existsSync(workspace)).toBe(false);
  });

  test("an agent's settings are written with its user's rights, so that no link in its home leads to the node's files", async () => {
    const run = aRun(node, origin(), "say hello");
    if (run.start.kind !== "session.start") throw new Error("not a session's start");
    const agent = { ...AGENTS.script.recipe, homeFiles: { ".config/tea/settings.json": "for {checkout}" } };
    const starting = { ...run.start, args: { ...run.start.args, agent } };
    node.startDaemon();
    node.controlPlane.enqueue(run.create);
    await node.controlPlane.event("workspace.ready");
    const [workspace = ""] = listCheckouts();
    const config = join(workspace, "home/.config");
    expect(lstatSync(config).uid).toBe(getOwner(workspace));
    const ofNode = join(node.root, "of-the-node");
    mkdirSync(ofNode);
    symlinkSync(ofNode, join(config, "tea"));
    node.controlPlane.enqueue(starting);
    const { end } = await node.controlPlane.event("session.ended");
    expect(end).toMatchObject({ outcome: "error", failure: { code: "launch_failed" } });
    expect(readdirSync(ofNode)).toEqual([]);
  });
});

const withBranch = (create: TestRun["create"]): TestRun["create"] =>
  create.kind === "workspace.create" ? { ...create, args: { ...create.args, branch: "task/b" } } : create;
