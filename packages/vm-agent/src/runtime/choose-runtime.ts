/**
 * Chooses the node's runtime: the setting `WORKSPACE_RUNTIME`, and whether a sandbox or a container really works here, which is
 * tried with the arguments that tasks get. One that is demanded is never replaced by less.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { DemandedRuntime, Failure, HostSandbox, NodeRuntime } from "@samovar/contracts";
import { findProgram } from "@samovar/processes";
import {
  type ContainerSettings,
  DEFAULT_DOCKER_SETTINGS,
  type DockerSettings,
  findDocker,
  ownModule,
} from "./docker/choose-docker.ts";
import { findUnhideable, getSandboxArguments, SEEN, type SandboxSettings } from "./sandbox-arguments.ts";

export const RUNTIME_MODES = ["auto", "sandbox", "docker", "process"] as const;

export interface RuntimeSettings {
  readonly mode: (typeof RUNTIME_MODES)[number];
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
  /** What was demanded, when the kind is `unavailable`; a sandbox when absent. */
  readonly demanded?: DemandedRuntime;
}

/** Of {@link NodeRuntime}. */
const REASON_MAX_CHARS = 1000;
/** Generous, because a slow machine must not get the weaker runtime. */
const PROBE_TIMEOUT_MS = 120_000;
const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin";

/** `stateDir`: the node's state, which no workspace may see; `module`: the vm-agent's. Never throws. */
export async function chooseRuntime(
  { mode, readOnlyPaths, docker = DEFAULT_DOCKER_SETTINGS }: RuntimeSettings,
  stateDir: string,
  env: Readonly<Record<string, string | undefined>>,
  module: string = ownModule(),
): Promise<RuntimeChoice> {
  if (mode === "process") return { kind: "process", reason: "WORKSPACE_RUNTIME is process.", sandbox: null };
  const hidden = [stateDir, ...listHomes()];
  const faults: string[] = [];
  if (mode !== "docker") {
    const found = await findSandbox({ hidden, readOnlyPaths: [...readOnlyPaths] }, env["PATH"] ?? SYSTEM_PATH);
    if (typeof found !== "string") return { kind: "sandbox", reason: null, sandbox: found };
    faults.push(found);
  }
  if (mode !== "sandbox") {
    const found = await findDocker({ settings: docker, hidden, stateDir, readOnlyPaths, env, module });
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
): Promise<SandboxSettings | string> {
  if (process.platform !== "linux") return "Sandboxes need Linux.";
  const program = findProgram("bwrap", path) ?? findProgram("bwrap", SYSTEM_PATH);
  if (program === null) return "bubblewrap is not installed. Install it, for example: apt install bubblewrap";
  const unhideable = findUnhideable(shown.hidden);
  if (unhideable !== null) return `${unhideable} is among the system's programs, where a sandbox cannot hide it.`;
  const strict = { ...shown, program, disablesUserNamespaces: true };
  const fault = await tryOut(strict, path);
  if (fault === null) return strict;
  if (!fault.includes("--disable-userns")) return describeFault(fault);
  const older = { ...strict, disablesUserNamespaces: false };
  const again = await tryOut(older, path);
  return again === null ? older : describeFault(again);
}

/** What a workspace relies on. It fails when one of its steps does. */
const PROBE = `test "$PWD" = ${SEEN.checkout} && test $$ = 2 && touch made "$HOME/made" /tmp/made && test ! -e "$1" && "$2" --version >/dev/null && echo works`;

/** Null when it works, or the end of its output. */
async function tryOut(settings: SandboxSettings, path: string): Promise<string | null> {
  const directory = mkdtempSync(join(tmpdir(), "samovar-sandbox-"));
  try {
    const places = {
      checkout: join(directory, "repo"),
      home: join(directory, "home"),
      tmp: join(directory, "tmp"),
    };
    for (const place of Object.values(places)) mkdirSync(place);
    const command = ["/bin/sh", "-c", PROBE, "sh", directory, process.execPath];
    const argv = [...getSandboxArguments(places, settings, command, path), "--", ...command];
    return await new Promise((resolve) => {
      const options = {
        env: { PATH: path, HOME: SEEN.home },
        timeout: PROBE_TIMEOUT_MS,
        killSignal: "SIGKILL",
      } as const;
      execFile(settings.program, argv, options, (error, stdout, stderr) => {
        if (error === null && stdout === "works\n") return resolve(null);
        resolve(stderr.trim() === "" ? (error?.message.split("\n")[0] ?? "no answer") : stderr.trim());
      });
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const RESTRICTED = /user ?ns|uid map|namespace|Operation not permitted|Permission denied/i;

function describeFault(fault: string): string {
  const line = fault.split("\n").at(-1)?.slice(0, 300) ?? "";
  const hint = RESTRICTED.test(fault)
    ? " This system restricts user namespaces. On Ubuntu, allow them for bubblewrap with an AppArmor profile, or with: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    : "";
  return `bubblewrap does not work here (${line}).${hint}`;
}
