/** Whether containers work on this node, which is tried with the arguments that tasks get. */
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { isAbsolute, join } from "node:path";
import { text } from "node:stream/consumers";
import { systemTimers } from "@samovar/base";
import { type HostContainer, type HostUser, nodeEnvironment, type WorkspaceLimits } from "@samovar/contracts";
import { findProgram } from "@samovar/processes";
import { isShowable, listCommandPaths, SEEN } from "../sandbox-arguments.ts";
import { makePlaces, PASSABLE } from "../../users/places.ts";
import { callEngine } from "./engine.ts";
import { NO_NETWORK } from "../network/workspace-network.ts";
import { DockerRuntime } from "./docker-runtime.ts";
import { ensureImage } from "./image.ts";

export interface DockerSettings {
  /** For projects without a devcontainer. */
  readonly image: string;
}

/** What every workspace's container on the node has in common. */
export type ContainerSettings = Omit<HostContainer, "project" | "checkout" | "tmp" | "limits"> & {
  /** As {@link HostContainer.readOnlyPaths}, before the agent's own are added. */
  readonly hidden: readonly string[];
};

export const DEFAULT_DOCKER_SETTINGS: DockerSettings = { image: nodeEnvironment.parse({}).WORKSPACE_IMAGE };

/** Of a trial's container, which no session has. */
export const TRIAL_MARK = "trial";
/** A quarter of the engine's default: containers of others come first. */
const CPU_SHARES = 256;
/** Of a trial: the kernel has to be able to keep them. */
const TRIAL_LIMITS: WorkspaceLimits = {
  processes: 1000,
  memoryBytes: Math.floor(totalmem() / 2),
  diskBytes: 1024 ** 3,
};
/** A pull on a slow line. */
const PULL_TIMEOUT_MS = 600_000;
const CALL_TIMEOUT_MS = 20_000;
const PROBE_TIMEOUT_MS = 120_000;

export interface DockerProbe {
  readonly settings: DockerSettings;
  /** The node's state, and what else no mount may show as a whole. */
  readonly hidden: readonly string[];
  readonly stateDir: string;
  readonly readOnlyPaths: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The vm-agent's module as one file. */
  readonly module: string;
  /** Whose containers are tried; absent and null: of the user of this process. */
  readonly user?: HostUser | null;
}

/** What works here, or a sentence about why containers do not and how to get them. Never throws. */
export async function findDocker(probe: DockerProbe): Promise<ContainerSettings | string> {
  const { settings, env, stateDir, hidden, readOnlyPaths, module, user = null } = probe;
  const program = findProgram("docker", env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin");
  if (program === null) return "docker is not installed. Install it, for example: apt install docker.io";
  const engine = { program, address: env["DOCKER_HOST"] ?? null };
  const answer = await callEngine(engine, ["version", "--format", "{{.Server.Version}}"], limit(CALL_TIMEOUT_MS));
  if (!answer.ok)
    return `docker's engine does not answer (${getLastLine(answer.errors)}). Start it, and let the node's user use it, for example: usermod -aG docker USER`;
  const fault = await ensureImage(engine, settings.image, { ...limit(PULL_TIMEOUT_MS), onOutput: () => {} });
  if (fault !== null) return `${fault} Set WORKSPACE_IMAGE to an image that the engine has or can pull.`;
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const found: ContainerSettings = {
    ...engine,
    owner: stateDir,
    image: settings.image,
    user: `${uid}:${gid}`,
    nodeBinary: process.execPath,
    module: existsSync(module) ? realpathSync(module) : module,
    readOnlyPaths: [...readOnlyPaths],
    cpuShares: CPU_SHARES,
    hidden,
  };
  const first = await tryOut(found, user);
  if (first === null) return found;
  // The root of an engine without privileges is the user that runs it.
  const rootless = { ...found, user: "0:0" };
  if (uid !== 0 && (await tryOut(rootless, null)) === null) return rootless;
  return `containers do not work here (${first}).`;
}

export interface ContainerUse {
  readonly project: string;
  /** The agent's argv, whose files the container can read. */
  readonly command: readonly string[];
  readonly limits: WorkspaceLimits;
  /** Of the workspace; absent and null: the user of this process. */
  readonly user?: HostUser | null;
}

/** The container of one workspace; null where its programs run in none. */
export function createHostContainer(
  settings: ContainerSettings,
  places: { readonly repo: string; readonly tmp: string },
  use: ContainerUse,
): HostContainer;
export function createHostContainer(
  settings: ContainerSettings | undefined,
  places: { readonly repo: string; readonly tmp: string },
  use: ContainerUse,
): HostContainer | null;
export function createHostContainer(
  found: ContainerSettings | undefined,
  places: { readonly repo: string; readonly tmp: string },
  { project, command, limits, user = null }: ContainerUse,
): HostContainer | null {
  if (found === undefined) return null;
  const { hidden, ...settings } = found;
  const own = command[0] === settings.nodeBinary ? ["", ...command.slice(1)] : command;
  const shown = [...settings.readOnlyPaths, ...listCommandPaths(own, hidden)];
  const readOnlyPaths = shown.filter((path) => existsSync(path) && isShowable(path, hidden) && !isOfImage(path));
  return {
    ...settings,
    ...(user === null ? {} : { user: `${user.id}:${user.id}` }),
    project,
    limits,
    readOnlyPaths: dropNested(readOnlyPaths),
    checkout: places.repo,
    tmp: places.tmp,
  };
}

/** The image has these itself. */
const isOfImage = (path: string): boolean =>
  /^\/(?:usr(?!\/local\/)|bin|sbin|lib\w*|etc|proc|sys|dev(?!\/shm\/))(?:\/|$)/.test(path);

function dropNested(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && path.startsWith(`${other}/`)));
}

/** What a workspace relies on. It fails when one of its steps does. */
const PROBE = [
  `test "$PWD" = ${SEEN.checkout}`,
  'touch made "$HOME/made" /tmp/made',
  "! touch /made 2>/dev/null",
  'test ! -e "$1"',
  "grep -q 'CapEff:.0000000000000000' /proc/self/status",
  "grep -q 'NoNewPrivs:.1' /proc/self/status",
  'test "$(grep -c : /proc/net/dev)" = 1',
  "node --version >/dev/null",
  // Of version 2 or 1. An engine without the right to limit containers starts them all the same.
  '{ grep -qsx "$2" /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max || { echo "the engine keeps no limits" >&2; false; }; }',
  "echo works",
].join(" && ");

/** Null when it works, or what went wrong. */
async function tryOut(settings: ContainerSettings, user: HostUser | null): Promise<string | null> {
  const directory = mkdtempSync(join(tmpdir(), "samovar-container-"));
  const places = { repo: join(directory, "repo"), tmp: join(directory, "tmp") };
  const home = join(directory, "home");
  if (user !== null) chmodSync(directory, PASSABLE);
  makePlaces({ ...places, home }, user);
  const use = { project: "probe", command: [], limits: TRIAL_LIMITS, user };
  const container = createHostContainer(settings, places, use);
  const runtime = new DockerRuntime({
    home,
    container,
    user,
    network: NO_NETWORK,
    mark: TRIAL_MARK,
    timers: systemTimers,
  });
  const cancel = systemTimers.after(PROBE_TIMEOUT_MS, () => void runtime.end());
  try {
    const started = runtime.start({
      argv: ["sh", "-c", PROBE, "sh", directory, String(TRIAL_LIMITS.processes)],
      env: { HOME: SEEN.home },
      stdin: "none",
      leavesServices: false,
    });
    const [output, errors, exit] = await Promise.all([text(started.stdout), text(started.stderr), started.exited]);
    if (exit.error !== null) return exit.error.slice(0, 500);
    if (output !== "works\n") return getLastLine(errors) || "a trial container lacked a part of the boundary";
    const isOurs = statSync(join(places.repo, "made")).uid === (user?.id ?? process.getuid?.() ?? 0);
    return isOurs ? null : "files of a container belong to another user";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    cancel();
    await runtime.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

const limit = (milliseconds: number) => ({ signal: AbortSignal.timeout(milliseconds) });

const getLastLine = (errors: string): string => errors.trim().split("\n").at(-1)?.slice(0, 300) ?? "";

/** The vm-agent's module that this process runs; empty in a process that runs another program. */
export const ownModule = (): string => {
  const file = process.argv[1] ?? "";
  return isAbsolute(file) ? file : "";
};
