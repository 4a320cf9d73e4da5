/** For tests: a node with canaries of every kind, as probes find it, and a session in it that runs them. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createSocket } from "node:dgram";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { silentLogger, systemTimers } from "@samovar/base";
import { type HostUser, NO_LIMITS, OPEN_EGRESS } from "@samovar/contracts";
import { createUse } from "../../egress/outside.testing.ts";
import { listenOnLoopback } from "../../listen.ts";
import { becomeUser } from "../../users/become-user.ts";
import { makePlaces, PASSABLE } from "../../users/places.ts";
import { giveUser } from "../../users/users.testing.ts";
import { type RuntimeChoice, createHostSandbox } from "../choose-runtime.ts";
import { createRuntime } from "../create-runtime.ts";
import { createHostContainer } from "../docker/choose-docker.ts";
import { CONTAINER_NODE } from "../docker/container-arguments.ts";
import { createWorkspaceNetwork } from "../network/create-network.ts";
import type { WorkspaceRuntime } from "../runtime.ts";
import { type EngineAddress, type RuntimeMode, SYSTEM_PATH, chooseMode } from "./kinds.testing.ts";
import { type EscapeProbe, REACHED, getCallNumber } from "./probe.ts";

const CANARY = "canary-of-the-escape-suite";
/** Longest time of a probe. Only one that hangs uses it up. */
const PROBE_SECONDS = 30;

type Environment = Readonly<Record<string, string>>;
type Ends = (() => unknown)[];

export interface Stage {
  /** The node's state, hidden from workspaces. */
  readonly stateDir: string;
  /** With the node's paths. */
  readonly choice: RuntimeChoice;
  /** Of the workspace `mine`; null: the user of this process. */
  readonly user: HostUser | null;
  /** What probes need to know of the node. */
  readonly env: Environment;
  end(): Promise<void>;
}

/** A stage serves one run of the probes, because they change what they reach. */
export async function openStage(mode: RuntimeMode, engine: EngineAddress | null): Promise<Stage> {
  const ends: Ends = [];
  const node = mkdtempSync(join(tmpdir(), "smv-escape-"));
  ends.push(() => rmSync(node, { recursive: true, force: true }));
  const stateDir = join(node, "state");
  writeAll(stateDir, [
    "daemon.sqlite",
    "identity.json",
    "handled",
    "agents/agent.js",
    "w/mine/host.json",
    "w/other/session/host.sqlite",
    "w/other/repo/work.txt",
    "w/other/repo/draft.txt",
    "w/other/home/token",
    "w/other/tmp/socket-key",
    "w/doomed/repo/work.txt",
    "victim/canary",
    "victim/open",
  ]);
  writeAll(node, [
    "user/.ssh/authorized_keys",
    "user/.profile",
    "user/.npmrc",
    "bundle/vm-agent.cjs",
    "bundle/snapshot.blob",
  ]);
  const [user, other] = mode.hasUsers ? await giveUsers(stateDir, ends) : [null, null];
  const [bundle, snapshot] = [join(node, "bundle/vm-agent.cjs"), join(node, "bundle/snapshot.blob")];
  const id = basename(node);
  const env = {
    ID: id,
    LEAVES: `smv-escape-left-${id}`,
    STATE: stateDir,
    USER_HOME: join(node, "user"),
    BUNDLE: bundle,
    SNAPSHOT: snapshot,
    HANDLE: getHandle(join(stateDir, "handled")),
    ...makeSharedFiles(ends),
    ...makeSharedMemory(id, ends),
    ...startProcesses(stateDir, other, ends),
    ...(await startServers(stateDir, other, ends)),
  };
  const end = async () => {
    for (const each of ends.splice(0).toReversed()) await each();
  };
  const choice = await chooseMode(mode, { stateDir, readOnlyPaths: [bundle, snapshot], engine });
  if (choice.kind !== mode.runtime) throw new Error(`no ${mode.name}: ${choice.reason ?? ""}`);
  return { stateDir, choice, user, env, end };
}

function writeAll(root: string, names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(join(root, name, ".."), { recursive: true });
    writeFileSync(join(root, name), `${CANARY}\n`, { mode: 0o600 });
  }
}

/** The state as a daemon that may change users keeps it. */
async function giveUsers(stateDir: string, ends: Ends): Promise<readonly [mine: HostUser, other: HostUser]> {
  const [mine, other] = [await giveUser(join(stateDir, "w/mine")), await giveUser(join(stateDir, "w/other"))];
  ends.push(() => Promise.all([mine.end(), other.end()]));
  for (const name of ["..", ".", "w", "w/mine", "w/other", "agents"]) chmodSync(join(stateDir, name), PASSABLE);
  for (const name of ["w/doomed", "w/other/session", "victim"]) chmodSync(join(stateDir, name), 0o700);
  for (const name of ["repo", "repo/work.txt", "repo/draft.txt", "home", "home/token", "tmp", "tmp/socket-key"])
    chownSync(join(stateDir, "w/other", name), other.id, other.id);
  for (const name of ["repo", "home", "tmp"]) chmodSync(join(stateDir, "w/other", name), 0o700);
  chmodSync(join(stateDir, "../user"), 0o700);
  for (const name of ["vm-agent.cjs", "snapshot.blob"]) chmodSync(join(stateDir, "../bundle", name), 0o644);
  return [mine, other];
}

function makeSharedFiles(ends: Ends): Environment {
  const make = (root: string) => {
    const directory = mkdtempSync(join(root, "smv-escape-other-"));
    ends.push(() => rmSync(directory, { recursive: true, force: true }));
    writeAll(directory, ["canary"]);
    return join(directory, "canary");
  };
  return { IN_TMP: make("/tmp"), IN_SHM: make("/dev/shm") };
}

const runPerl = (script: string, ...args: readonly string[]): string =>
  execFileSync("perl", ["-e", script, ...args], { encoding: "utf8" }).trim();

/** Of name_to_handle_at, as hexadecimal digits. */
function getHandle(path: string): string {
  const script = `my ($p, $h, $m) = ($ARGV[0], pack("LL", 128, 0) . "\\0" x 128, "\\0" x 4);
    syscall(${getCallNumber("nameToHandleAt")}, -100, $p, $h, $m, 0) == 0 or exit; print unpack("H*", $h)`;
  return runPerl(script, path);
}

/** `id`: in the names of what has one. */
function makeSharedMemory(id: string, ends: Ends): Environment {
  const [shm = "", queue = "", key = ""] = runPerl(
    `
    my $shm = shmget(0, 64, 01600); shmwrite($shm, "canary", 0, 6);
    my $queue = msgget(0, 01600); msgsnd($queue, pack("l! a*", 1, "canary"), 0);
    my ($t, $n, $v) = ("user", "smv-escape-user-$ARGV[0]", "canary");
    my $key = syscall(${getCallNumber("addKey")}, $t, $n, $v, 6, -4);
    syscall(${getCallNumber("keyctl")}, 5, $key, 0x3f3f0000);
    my $q = "smv-escape-$ARGV[0]"; syscall(${getCallNumber("mqOpen")}, $q, 0100, 0600, 0);
    print "$shm $queue $key"`,
    id,
  ).split(" ");
  ends.push(() =>
    runPerl(
      `shmctl($ARGV[0], 0, 0); msgctl($ARGV[1], 0, 0); my ($k, $q) = ($ARGV[2] + 0, "smv-escape-$ARGV[3]");
       syscall(${getCallNumber("keyctl")}, 9, $k, -4); syscall(${getCallNumber("mqUnlink")}, $q)`,
      shm,
      queue,
      key,
      id,
    ),
  );
  return { SHM: shm, QUEUE: queue };
}

/** They wait for the end of their input. */
function startProcesses(stateDir: string, other: HostUser | null, ends: Ends): Environment {
  const path = join(stateDir, "victim/open");
  const open = openSync(path, "r");
  unlinkSync(path);
  const start = (user: HostUser | null = null): ChildProcess => {
    const [file, ...words] = becomeUser(user, ["sh", "-c", "read line", "word-for-the-escape-suite"]);
    return spawn(file, words, {
      cwd: join(stateDir, "victim"),
      env: { PATH: SYSTEM_PATH, KEY: CANARY },
      stdio: ["pipe", "ignore", "ignore", open],
    });
  };
  const [victim, prey, neighbour] = [start(), start(), start(other)];
  closeSync(open);
  ends.push(() => [victim, prey, neighbour].map((each) => each.kill("SIGKILL")));
  const pids = { VICTIM: victim.pid, PREY: prey.pid, NEIGHBOUR: neighbour.pid, OUTSIDE: process.pid };
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, String(pid)]));
}

async function startServers(stateDir: string, other: HostUser | null, ends: Ends): Promise<Environment> {
  const directory = mkdtempSync("/tmp/smv-escape-agent-");
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  const agent = join(directory, "agent.1");
  const ofOther = join(stateDir, "w/other/home/server.sock");
  const ofState = ["docker.sock", "gate.sock", "w/other/session/host.sock"].map((name) => join(stateDir, name));
  for (const path of [agent, ofOther, ...ofState]) {
    const server = createServer((socket) => socket.on("error", () => {}).end());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    chmodSync(path, 0o600);
    ends.push(() => server.close());
  }
  if (other !== null) chownSync(ofOther, other.id, other.id);
  const web = createHttpServer((_request, response) => response.end("word-of-the-node"));
  ends.push(() => web.close());
  const port = await listenOnLoopback(web);
  const [udp4, udp6] = [await answerUdp("udp4", "127.0.0.1", ends), await answerUdp("udp6", "::1", ends)];
  return { SSH_AGENT: agent, WEB: String(port), UDP4: String(udp4), UDP6: String(udp6) };
}

function answerUdp(type: "udp4" | "udp6", host: string, ends: Ends): Promise<number> {
  const socket = createSocket(type);
  socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
  ends.push(() => socket.close());
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(0, host, () => resolve((socket.address() as AddressInfo).port));
  });
}

export interface Session {
  readonly runtime: WorkspaceRuntime;
  readonly checkout: string;
  /** The name of a file that a probe leaves. */
  readonly leaves: string;
  /** Runs the shell line `script` with arguments, and returns its output. */
  run(script: string, args?: readonly string[], env?: Environment): Promise<string>;
  end(): Promise<void>;
}

/** The session keyring of a node that was started from a login. */
const WITH_KEYRING = `syscall(${getCallNumber("keyctl")}, 1, 0);
  my ($t, $n, $v) = ("user", "smv-escape-session-$ENV{ID}", "canary");
  syscall(${getCallNumber("addKey")}, $t, $n, $v, 6, -3); exec { $ARGV[0] } @ARGV`;

/** Of the workspace `mine`. */
export async function openSession({ stateDir, choice, user, env: known }: Stage): Promise<Session> {
  const workspace = join(stateDir, "w/mine");
  const [checkout, home, tmp] = [join(workspace, "repo"), join(workspace, "home"), join(workspace, "tmp")];
  for (const each of [checkout, home]) rmSync(each, { recursive: true, force: true });
  makePlaces({ repo: checkout, home, tmp }, user);
  const places = { repo: checkout, tmp };
  const sandbox = createHostSandbox(choice, places);
  const use = { project: "prj", command: [], limits: NO_LIMITS, user };
  const container = createHostContainer(choice.container, places, use);
  const network = createWorkspaceNetwork({ sandbox, container }, { log: silentLogger });
  await network?.start();
  network?.use(createUse(OPEN_EGRESS));
  const mark = `escape-${choice.kind}-${stateDir}`;
  const enter = (argv: readonly [string, ...string[]]): [string, ...string[]] => [
    "/usr/bin/perl",
    "-e",
    WITH_KEYRING,
    ...argv,
  ];
  const programs = { sandbox, container, network };
  const runtime = createRuntime({ places: { checkout, home }, user, ...programs, mark, timers: systemTimers, enter });
  const nodeBinary = container === null ? process.execPath : CONTAINER_NODE;
  return {
    runtime,
    checkout,
    leaves: known["LEAVES"] ?? "",
    run: async (script, args = [], env = {}) => {
      const base = { PATH: SYSTEM_PATH, HOME: runtime.seen.home, NODE_BINARY: nodeBinary, SAMOVAR_SESSION: mark };
      const seen = { LEFT: join(runtime.seen.checkout ?? "", "left") };
      const started = runtime.start({
        argv: ["/bin/sh", "-c", script, "sh", ...args],
        env: { ...base, ...seen, ...known, ...env },
        stdin: "none",
        leavesServices: false,
      });
      let output = "";
      for (const pipe of [started.stdout, started.stderr])
        pipe.on("data", (bytes: Buffer) => (output += bytes.toString("latin1")));
      await started.exited;
      return output;
    },
    end: async () => {
      await runtime.end();
      await network?.close();
    },
  };
}

/** Runs each argument in a separate directory, one after the other. */
const RUN_ALL = `i=0; for line do printf '\\n@@ %s\\n' $i; mkdir p$i; (cd p$i && exec timeout ${PROBE_SECONDS} sh -c "$line" </dev/null 2>&1); i=$((i+1)); done`;

export interface Outcome {
  readonly hasReached: boolean;
  readonly output: string;
}

/** By the probe's `what`. */
export async function runProbes(
  session: Session,
  probes: readonly EscapeProbe[],
): Promise<ReadonlyMap<string, Outcome>> {
  const output = await session.run(
    RUN_ALL,
    probes.map(({ line }) => line),
  );
  const parts = output.split(/^@@ \d+$/m).slice(1);
  return new Map(
    probes.map(({ what, leaves }, at) => {
      const part = parts[at];
      if (part === undefined) throw new Error(`no output of the probe that ${what}: ${output.slice(-500)}`);
      const hasReached =
        leaves === undefined ? part.split("\n").includes(REACHED) : existsSync(join(leaves, session.leaves));
      if (leaves !== undefined) rmSync(join(leaves, session.leaves), { force: true });
      return [what, { hasReached, output: part.trim().slice(0, 2000) }];
    }),
  );
}

/** Whether the probe's control succeeds, without any runtime. */
export function runControl({ line, control = "" }: EscapeProbe, cwd: string, env: Environment): Outcome {
  const all = { PATH: SYSTEM_PATH, NODE_BINARY: process.execPath, ...env, LINE: line };
  const output = execFileSync("sh", ["-c", `${control}; true`], {
    cwd,
    env: all,
    encoding: "latin1",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: PROBE_SECONDS * 1000,
  });
  return { hasReached: output.split("\n").includes(REACHED), output };
}

/** Pids of running processes `sleep SECONDS`, whatever their environment. */
export function findSleepers(seconds: number): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && read(`/proc/${pid}/cmdline`) === `sleep\0${seconds}\0`)
    .filter((pid) => !read(`/proc/${pid}/stat`).includes(") Z "));
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
