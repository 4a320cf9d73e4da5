/** The contract of all runtimes, with real processes; and what a hostile program reaches in each of them. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { silentLogger, systemTimers } from "@samovar/base";
import { NO_LIMITS } from "@samovar/contracts";
import { reportOmission, VM_AGENT_BUNDLE } from "@samovar/testing";
import { startTestEngine } from "@samovar/testing/docker-engine";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { chooseRuntime, createHostSandbox, type RuntimeChoice } from "./choose-runtime.ts";
import { createRuntime } from "./create-runtime.ts";
import { createHostContainer, DEFAULT_DOCKER_SETTINGS } from "./docker/choose-docker.ts";
import { CONTAINER_NODE } from "./docker/container-arguments.ts";
import { createWorkspaceNetwork } from "./network/create-network.ts";
import { makePlaces, PASSABLE } from "../users/places.ts";
import { CAN_CHANGE_USERS, giveUser } from "../users/users.testing.ts";
import type { RuntimeProgram, WorkspaceRuntime } from "./runtime.ts";
import { SEEN } from "./sandbox-arguments.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const CANARY = "canary-of-the-kettle";
/** Whether bubblewrap may make namespaces on this machine. Elsewhere the sandbox's half is left out, and one test says why. */
const choice = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH });
const engine = await startTestEngine();
const docker =
  typeof engine === "string" ? DEFAULT_DOCKER_SETTINGS : { ...DEFAULT_DOCKER_SETTINGS, image: engine.image };
const ENV = { PATH, DOCKER_HOST: typeof engine === "string" ? undefined : (engine.address ?? undefined) };
type Kind = WorkspaceRuntime["kind"];
const kinds = (["process", "sandbox", "docker"] satisfies Kind[]).filter(
  (kind) => kind === "process" || (kind === "sandbox" ? choice.kind === "sandbox" : typeof engine !== "string"),
);

test("a sandbox works on this machine, or the system restricts user namespaces", () => {
  expect(choice.reason ?? "restricts user namespaces").toMatch(/restricts user namespaces|not installed/);
});

let countPerKind = 0;
beforeEach(({ task }) => {
  if (task.suite?.name.includes("process runtime") === true) countPerKind += 1;
});
/** Without an engine, docker's part of the contract is named and counted at the end of the run. */
afterAll(() => {
  if (typeof engine === "string")
    reportOmission({ what: "the docker runtime's contract", tests: countPerKind, reason: engine });
});
afterAll(async () => {
  if (typeof engine !== "string") await engine.stop();
});

interface Rig {
  /** The node's state, with the daemon's files and two workspaces. */
  readonly stateDir: string;
  readonly workspace: string;
  readonly checkout: string;
  readonly home: string;
  readonly runtime: WorkspaceRuntime;
  /** Runs a shell line as the agent would and returns its output. */
  run(line: string, change?: Partial<RuntimeProgram>): Promise<string>;
}

let node: string;
beforeAll(() => {
  node = mkdtempSync(join(tmpdir(), "smv-runtime-"));
});
afterAll(() => rmSync(node, { recursive: true, force: true }));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function makeRig(kind: Kind, readOnlyPaths: readonly string[] = []): Promise<Rig> {
  const stateDir = mkdtempSync(join(node, "state-"));
  const workspace = join(stateDir, "w/mine");
  const [checkout, home, other] = [join(workspace, "repo"), join(workspace, "home"), join(stateDir, "w/other/repo")];
  for (const each of [checkout, home, other, join(stateDir, "agents")]) mkdirSync(each, { recursive: true });
  for (const secret of ["daemon.sqlite", "identity.json", "w/other/repo/work.txt", "w/mine/trusted.gitconfig"])
    writeFileSync(join(stateDir, secret), `${CANARY}\n`);
  writeFileSync(join(stateDir, "agents/agent.js"), CANARY);
  // Without a boundary the node's user shows what the attacks can; the escape suite has the process runtime with users, too.
  const user = kind !== "process" && CAN_CHANGE_USERS ? await giveUser(workspace) : null;
  if (user !== null) for (const each of [node, stateDir]) chmodSync(each, PASSABLE);
  makePlaces({ repo: checkout, home, tmp: join(workspace, "tmp") }, user);
  const mark = `ses-${readdirSync(node).length}-${kind}`;
  const here = await choose(kind, readOnlyPaths, stateDir);
  const places = { repo: checkout, tmp: join(workspace, "tmp") };
  const sandbox = createHostSandbox(here, places);
  const container = createHostContainer(here.container, places, {
    project: "prj",
    command: [],
    limits: NO_LIMITS,
    user,
  });
  const network = createWorkspaceNetwork({ sandbox, container }, { log: silentLogger });
  await network?.start();
  const programs = { sandbox, container, network };
  const runtime = createRuntime({ places: { checkout, home }, user, ...programs, mark, timers: systemTimers });
  ends.push(async () => {
    await runtime.end();
    await network?.close();
    await user?.end();
  });
  const run = async (line: string, change: Partial<RuntimeProgram> = {}) => {
    const env = { PATH, HOME: runtime.seen.home, SAMOVAR_SESSION: mark, STATE: stateDir, NODE: node };
    const program = { argv: ["sh", "-c", line], env, stdin: "none", leavesServices: false, ...change } as const;
    const started = runtime.start(program);
    let output = "";
    for (const pipe of [started.stdout, started.stderr])
      pipe.on("data", (bytes: Buffer) => (output += bytes.toString()));
    await started.exited;
    return output.trim();
  };
  return { stateDir, workspace, checkout, home, runtime, run };
}

let dockerChoice: Promise<RuntimeChoice> | null = null;
/** The trial of a container takes a second, so there is one for all. */
async function choose(kind: Kind, readOnlyPaths: readonly string[], stateDir: string): Promise<RuntimeChoice> {
  const choosing = () =>
    chooseRuntime({ mode: kind, readOnlyPaths, docker }, stateDir, ENV, { module: VM_AGENT_BUNDLE });
  if (kind !== "docker") return choosing();
  dockerChoice ??= choosing();
  const { container, ...rest } = await dockerChoice;
  if (container === undefined) throw new Error(`no containers: ${rest.reason ?? ""}`);
  return {
    ...rest,
    container: { ...container, owner: stateDir, hidden: [stateDir], readOnlyPaths: [...readOnlyPaths] },
  };
}

const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
/** Pids of processes with these arguments. Their environment may be empty. */
const findSleepers = (seconds: number) =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && readCommand(pid) === `sleep\0${seconds}\0` && isRunning(pid));
const readCommand = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
};

describe.each(kinds)("the %s runtime", (kind) => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await makeRig(kind);
  });

  test("starts a program in the checkout, with the given environment and what its input says", async () => {
    const { runtime, checkout, home } = rig;
    const env = { PATH, HOME: runtime.seen.home, KETTLE: CANARY };
    const started = runtime.start({
      argv: ["sh", "-c", 'pwd; echo "$HOME $KETTLE"; cat; echo late >&2; exit 7'],
      env,
      stdin: "pipe",
      leavesServices: false,
    });
    started.stdin?.end("tea\n");
    const [output, errors, exit] = await Promise.all([text(started.stdout), text(started.stderr), started.exited]);
    expect(output).toBe(`${runtime.seen.checkout}\n${runtime.seen.home} ${CANARY}\ntea\n`);
    expect([errors, exit]).toEqual(["late\n", { code: 7, signal: null, error: null }]);
    expect(started.hasExited).toBe(true);
    expect(runtime.seen).toEqual(kind === "process" ? { checkout, home } : SEEN);
  });

  test("writes files of the checkout and the home that the node finds at its own paths", async () => {
    const { run, runtime, checkout, home } = rig;
    await run(
      'echo tea > cup; echo milk > "$HOME/jug"; git init -q . && git config user.name x; ls -la .git >/dev/null',
    );
    expect(readFileSync(join(checkout, "cup"), "utf8")).toBe("tea\n");
    expect(readFileSync(join(home, "jug"), "utf8")).toBe("milk\n");
    expect(statSync(join(checkout, "cup")).uid).toBe(statSync(home).uid);
    expect(existsSync(join(checkout, ".git/config"))).toBe(true);
    expect(runtime.toNodePath(`${runtime.seen.checkout ?? ""}/a/cup`)).toBe(join(checkout, "a/cup"));
    expect(runtime.toNodePath(`${runtime.seen.home}/jug`)).toBe(join(home, "jug"));
  });

  test("[security 32] passes no value of the environment as an argument", async () => {
    const { run } = rig;
    const env = { PATH, KETTLE: CANARY };
    const found = await run('for f in /proc/[0-9]*/cmdline; do tr "\\0" " " < $f; done 2>/dev/null', { env });
    expect(found).not.toContain(CANARY);
  });

  test("reports a program that a signal ended, and lets it end by SIGTERM in its own way", async () => {
    const { runtime } = rig;
    const env = { PATH };
    const start = (line: string) =>
      runtime.start({ argv: ["sh", "-c", line], env, stdin: "none", leavesServices: false });
    const killed = start("echo ready; sleep 1000");
    await new Promise((resolve) => killed.stdout.once("data", resolve));
    killed.signal("SIGKILL");
    expect(await killed.exited).toMatchObject({ code: null, signal: "SIGKILL" });
    const asked = start('trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done');
    const output: string[] = [];
    asked.stdout.on("data", (bytes: Buffer) => output.push(bytes.toString()));
    await vi.waitFor(() => expect(output.join("")).toBe("ready\n"));
    asked.signal("SIGTERM");
    expect(await asked.exited).toEqual({ code: 3, signal: null, error: null });
    expect(output.join("")).toBe("ready\nbye\n");
  });

  test("a signal right after the start is not lost", async () => {
    const { runtime } = rig;
    const argv = ["sleep", "1000"] as const;
    const started = runtime.start({ argv, env: { PATH }, stdin: "none", leavesServices: false });
    started.signal("SIGKILL");
    expect(await started.exited).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test("names the program's own process, whose state and CPU time can be read", async () => {
    const { runtime } = rig;
    const started = runtime.start({ argv: ["sleep", "987"], env: { PATH }, stdin: "none", leavesServices: false });
    await vi.waitFor(() => expect(readCommand(started.getProgramPid() ?? 0)).toBe("sleep\x00987\x00"));
    started.signal("SIGKILL");
    await started.exited;
  });

  test("keeps services that a program leaves until the end, and then no process is left [R25]", async () => {
    const { run, runtime } = rig;
    const seconds = 40_000 + (process.pid % 5_000) + 5_000 * kinds.indexOf(kind);
    const output = await run(`sleep ${seconds} >/dev/null 2>&1 & echo set; exit 0`, { leavesServices: true });
    expect(output).toBe("set");
    await vi.waitFor(() => expect(findSleepers(seconds)).toHaveLength(1));
    expect(await runtime.end()).toBeGreaterThan(0);
    await vi.waitFor(() => expect(findSleepers(seconds)).toEqual([]));
  });

  test("reports the exit code of a program that leaves services, and passes it SIGTERM", async () => {
    const { runtime } = rig;
    const start = (line: string) =>
      runtime.start({ argv: ["sh", "-c", line], env: { PATH }, stdin: "none", leavesServices: true });
    expect(await start("exit 9").exited).toEqual({ code: 9, signal: null, error: null });
    const asked = start('trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done');
    await new Promise((resolve) => asked.stdout.once("data", resolve));
    asked.signal("SIGTERM");
    expect(await asked.exited).toMatchObject({ code: 4 });
  });
});

/** Who gets through: everyone, root only, or no one. */
type Reach = "everyone" | "root" | "no one";

interface Attack {
  readonly what: string;
  /** A shell line that prints `reached` where it succeeds. */
  readonly line: string;
  /** With the process runtime. */
  readonly process: Reach;
}

/** `$STATE`: the node's state; `$VICTIM`: a process of another session; `$BUNDLE`: a file that the sandbox shows. */
const ATTACKS: readonly Attack[] = [
  { what: "reads the daemon's database", line: 'cat "$STATE/daemon.sqlite" && echo reached', process: "everyone" },
  { what: "reads the node's identity", line: 'cat "$STATE/identity.json" && echo reached', process: "everyone" },
  { what: "reads another workspace", line: 'cat "$STATE/w/other/repo/work.txt" && echo reached', process: "everyone" },
  {
    what: "writes to another workspace",
    line: 'echo x >"$STATE/w/other/repo/x" && echo reached',
    process: "everyone",
  },
  { what: "reads the user's home", line: 'cat "$NODE/user/.ssh/id" && echo reached', process: "everyone" },
  {
    what: "reads another process's environment",
    line: "cat /proc/[0-9]*/environ 2>/dev/null | grep -a -q canary-of-the-kettle && echo reached",
    process: "everyone",
  },
  { what: "reads another process's memory map", line: "cat /proc/$VICTIM/maps && echo reached", process: "everyone" },
  { what: "ends another process", line: "kill $VICTIM && echo reached", process: "everyone" },
  {
    what: "commands another session's host",
    line: `"$NODE_BINARY" -e 'require("net").connect(process.env.STATE + "/host.sock", () => (console.log("reached"), process.exit())).on("error", () => {})'`,
    process: "everyone",
  },
  { what: "plants an agent", line: 'echo x >"$STATE/agents/agent.js" && echo reached', process: "everyone" },
  { what: "changes the vm-agent", line: 'cat "$BUNDLE" && echo x >>"$BUNDLE" && echo reached', process: "everyone" },
  {
    what: "changes the settings of the finish",
    line: "echo x >>../trusted.gitconfig && echo reached",
    process: "everyone",
  },
  {
    what: "writes to the system's programs",
    line: "touch /usr/smv-probe && rm /usr/smv-probe && echo reached",
    process: "root",
  },
  { what: "reads the system's passwords", line: "cat /etc/shadow && echo reached", process: "root" },
  {
    what: "mounts a file system",
    line: "mkdir m && mount -t tmpfs tmpfs m && umount m && echo reached",
    process: "root",
  },
  { what: "makes a user namespace", line: "unshare --user true && echo reached", process: "root" },
  {
    what: "changes a setting of the kernel",
    line: 'f=/proc/sys/kernel/core_pattern; v=$(cat $f); printf %s "$v" >$f && echo reached',
    process: "root",
  },
  { what: "has capabilities", line: "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && echo reached", process: "root" },
  {
    what: "may gain rights from a setuid program",
    line: "grep -q 'NoNewPrivs:.0' /proc/self/status && echo reached",
    process: "everyone",
  },
  {
    what: "leaves files in the node's /tmp",
    line: 'touch "/tmp/smv-left-$$-x" && ls /tmp/smv-left-*',
    process: "everyone",
  },
  {
    what: "reads through a symbolic link",
    line: 'ln -s "$STATE/identity.json" s && cat s && echo reached',
    process: "everyone",
  },
  {
    what: "reads through a hard link",
    line: 'ln "$STATE/identity.json" h && cat h && echo reached',
    process: "everyone",
  },
];

const isRoot = process.getuid?.() === 0;
const reaches = (reach: Reach) => reach === "everyone" || (reach === "root" && isRoot);
const leftFiles = () => readdirSync("/tmp").filter((name) => name.startsWith("smv-left-"));

describe.each(kinds)("[security 23] a hostile program in the %s runtime", (kind) => {
  test.for(ATTACKS)("$what: $process with the process runtime, never in a sandbox or container", async (attack) => {
    const bundle = join(node, `bundle-${kind}.mjs`);
    writeFileSync(bundle, "export {};\n");
    mkdirSync(join(node, "user/.ssh"), { recursive: true });
    writeFileSync(join(node, "user/.ssh/id"), `${CANARY}\n`);
    const { runtime, run, stateDir } = await makeRig(kind, [bundle]);
    const host = createServer((socket) => socket.end()).listen(join(stateDir, "host.sock"));
    const victim = spawn("sleep", ["1000"], { env: { PATH, KEY: CANARY }, stdio: "ignore" });
    ends.push(
      () => victim.kill("SIGKILL"),
      () => host.close(),
      () => leftFiles().forEach((name) => rmSync(join("/tmp", name))),
    );
    await new Promise((resolve) => host.once("listening", resolve));
    const env = {
      PATH,
      HOME: runtime.seen.home,
      STATE: stateDir,
      NODE: node,
      BUNDLE: bundle,
      NODE_BINARY: kind === "docker" ? CONTAINER_NODE : process.execPath,
      VICTIM: String(victim.pid),
    };
    const output = await run(attack.line, { env });
    const hasReached = attack.line.includes("smv-left") ? leftFiles().length > 0 : /^reached$/m.test(output);
    expect(hasReached, output).toBe(kind === "process" && reaches(attack.process));
    expect(existsSync(join("/usr", "smv-probe"))).toBe(false);
  });

  test("finds what the kernel shows beside processes: nothing of it can be written in a sandbox or container", async () => {
    const { run } = await makeRig(kind);
    const writing = 'while read -r f; do (printf x >"$f") 2>/dev/null && echo "$f"; done; true';
    const finding = "find /proc -path '/proc/[0-9]*' -prune -o -fstype proc -type f -writable -print 2>/dev/null";
    // An engine shows a few files as writable and leaves it to the kernel to refuse the writing.
    const found = kind === "docker" ? await run(`${finding} | ${writing}`) : await run(`${finding}; true`);
    expect(kind === "process" ? "" : found).toBe("");
  });

  test("starts a daemon without its environment that outlives the end: with the process runtime, never in a sandbox or container [security 38]", async () => {
    const { runtime, run, checkout } = await makeRig(kind);
    const seconds = 60_000 + (process.pid % 5_000) + 5_000 * kinds.indexOf(kind);
    const daemon = `env -i setsid sh -c '(setsid sleep ${seconds} &)' >/dev/null 2>&1`;
    const running = run(`${daemon}; until [ -e go ]; do sleep 0.01; done`);
    await vi.waitFor(() => expect(findSleepers(seconds)).toHaveLength(1));
    writeFileSync(join(checkout, "go"), "");
    await running;
    await runtime.end();
    const left = findSleepers(seconds);
    for (const pid of left) process.kill(pid, "SIGKILL");
    expect(left).toHaveLength(kind === "process" ? 1 : 0);
  });
});
