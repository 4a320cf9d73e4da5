/**
 * Chooses the node's runtime: the setting `WORKSPACE_RUNTIME`, and whether a sandbox or a container really works here, which is
 * tried with the arguments that tasks get. One that is demanded is never replaced by less.
 */
import { homedir, userInfo } from "node:os";
import type { DemandedRuntime, Failure, HostSandbox, HostUser, NodeEnvironment, NodeRuntime } from "@samovar/contracts";
import { findProgram } from "@samovar/processes";
import {
  type ContainerSettings,
  DEFAULT_DOCKER_SETTINGS,
  type DockerSettings,
  findDocker,
  ownModule,
} from "./docker/choose-docker.ts";
import { tryOut } from "./probe.ts";
import { findUnhideable, type SandboxSettings } from "./sandbox-arguments.ts";

export interface RuntimeSettings {
  readonly mode: NodeEnvironment["WORKSPACE_RUNTIME"];
  /** Shown to agents besides, read-only. */
  readonly readOnlyPaths: readonly string[];
  /** The defaults when absent. */
  readonly docker?: DockerSettings;
}

export interface RuntimeChoice extends NodeRuntime {
  /** Null unless the kind is `sandbox`. */
  readonly sandbox: SandboxSettings | null;
  /** Absent unless the kind is `docker`. */
  readonly container?: ContainerSettings;
  /** What was required, when the kind is `unavailable`; absent: a sandbox. `users`: one for each workspace. */
  readonly demanded?: DemandedRuntime | "users";
}

export interface RuntimeTrial {
  /** The vm-agent's module. */
  readonly module?: string;
  /** The user whose sandboxes are tried; null: the user of this process. */
  readonly user?: HostUser | null;
}

/** Of {@link NodeRuntime}. */
const REASON_MAX_CHARS = 1000;
const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin";

/** `stateDir`: the node's state, which no workspace may see. Never throws. */
export async function chooseRuntime(
  { mode, readOnlyPaths, docker = DEFAULT_DOCKER_SETTINGS }: RuntimeSettings,
  stateDir: string,
  env: Readonly<Record<string, string | undefined>>,
  { module = ownModule(), user = null }: RuntimeTrial = {},
): Promise<RuntimeChoice> {
  if (mode === "process") return { kind: "process", reason: "WORKSPACE_RUNTIME is process.", sandbox: null };
  const hidden = [stateDir, ...listHomes()];
  const faults: string[] = [];
  if (mode !== "docker") {
    const found = await findSandbox({ hidden, readOnlyPaths: [...readOnlyPaths] }, env["PATH"] ?? SYSTEM_PATH, user);
    if (typeof found !== "string") return { kind: "sandbox", reason: null, sandbox: found };
    faults.push(found);
  }
  if (mode !== "sandbox") {
    const found = await findDocker({ settings: docker, hidden, stateDir, readOnlyPaths, env, module, user });
    const why = faults.length === 0 ? null : toReason(faults);
    if (typeof found !== "string") return { kind: "docker", reason: why, sandbox: null, container: found };
    faults.push(found);
  }
  const reason = toReason(faults);
  if (mode === "auto") return { kind: "process", reason, sandbox: null };
  return { kind: "unavailable", reason, sandbox: null, ...(mode === "docker" ? { demanded: mode } : {}) };
}

const toReason = (faults: readonly string[]): string => faults.join(" ").slice(0, REASON_MAX_CHARS);

/** `HOME` may be another directory than the user's, as on a server of the local cloud. */
function listHomes(): string[] {
  try {
    return [...new Set([homedir(), userInfo().homedir])];
  } catch {
    // This user has no entry in the system's list.
    return [homedir()];
  }
}

/** The failure of a session that must not run, because the runtime that its node, or its project, demands does not work. */
export function createRuntimeFailure(
  { reason, demanded = "sandbox" }: Pick<RuntimeChoice, "reason" | "demanded">,
  byProject = false,
): Failure {
  if (demanded === "users") {
    const message = `WORKSPACE_USERS is separate, and the node cannot give each workspace its own user: ${reason ?? "unknown reason"}`;
    return { code: "users_unavailable", message };
  }
  const what = demanded === "sandbox" ? "sandbox" : "docker engine";
  const who = byProject ? `The project demands the runtime ${demanded}` : `WORKSPACE_RUNTIME is ${demanded}`;
  const message = `${who}, and the node has no working ${what}: ${reason ?? "unknown reason"}`;
  return { code: `${demanded}_unavailable`, message };
}

export function createHostSandbox(
  { sandbox }: RuntimeChoice,
  places: { readonly repo: string; readonly tmp: string },
): HostSandbox | null {
  return sandbox === null ? null : { ...sandbox, checkout: places.repo, tmp: places.tmp };
}

/** The sandbox that works here, or a sentence about why none does and how to get one. */
async function findSandbox(
  shown: Pick<SandboxSettings, "hidden" | "readOnlyPaths">,
  path: string,
  user: HostUser | null,
): Promise<SandboxSettings | string> {
  if (process.platform !== "linux") return "Sandboxes need Linux.";
  const program = findProgram("bwrap", path) ?? findProgram("bwrap", SYSTEM_PATH);
  if (program === null) return "bubblewrap is not installed. Install it, for example: apt install bubblewrap";
  const unhideable = findUnhideable(shown.hidden);
  if (unhideable !== null) return `${unhideable} is among the system's programs, where a sandbox cannot hide it.`;
  const nsenter = findProgram("nsenter", path) ?? findProgram("nsenter", SYSTEM_PATH);
  if (nsenter === null) return "nsenter is not installed. Install it, for example: apt install util-linux";
  const strict = { ...shown, program, nsenter, disablesUserNamespaces: true };
  const fault = await tryOut(strict, path, user);
  if (fault === null) return strict;
  if (!fault.includes("--disable-userns")) return describeFault(fault);
  const older = { ...strict, disablesUserNamespaces: false };
  const again = await tryOut(older, path, user);
  return again === null ? older : describeFault(again);
}

const RESTRICTED = /user ?ns|uid map|namespace|Operation not permitted|Permission denied/i;

function describeFault(fault: string): string {
  const line = fault.split("\n").at(-1)?.slice(0, 300) ?? "";
  const hint = RESTRICTED.test(fault)
    ? " This system restricts user namespaces. On Ubuntu, allow them for bubblewrap with an AppArmor profile, or with: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    : "";
  return `A sandbox does not work here (${line}).${hint}`;
}
