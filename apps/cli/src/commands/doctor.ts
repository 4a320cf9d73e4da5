/** `samovar doctor`: checks whether this machine and the running Samovar have what tasks need, with a hint for each fault. */
import { execFile } from "node:child_process";
import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errorMessage } from "@samovar/base";
import type { SamovarClient } from "../client/samovar-client.ts";
import { PROVIDERS } from "@samovar/contracts";
import type { AgentView, NodeRuntime } from "@samovar/contracts";
import { findSamovar, requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { readPresence } from "../client/presence.ts";
import { findNodeRuntime } from "../node-runtime.ts";
import { findProgram, type FoundProgram } from "./agents/program.ts";
import { type CommandContext, printJson } from "./context.ts";
import { type Finding, makeFinding, printFinding } from "./finding.ts";

const NODE_MAJOR = 24;
const MIN_FREE_BYTES = 2 * 1024 ** 3;
const MIN_GIT = [2, 31] as const;

export interface DoctorOptions {
  /** Checks the public address instead: the given one, or with `true` that of the running Samovar. */
  readonly public?: string | true | undefined;
}

/** Exit code 0 without faults, else 1. */
export async function runDoctor({ public: address }: DoctorOptions, context: CommandContext): Promise<number> {
  const findings =
    address === undefined
      ? await checkAll(context)
      : await (await import("./doctor-public.ts")).checkPublic(address === true ? null : address, context);
  const ok = findings.every(({ state }) => state !== "fault");
  if (context.json) printJson(context.terminal, { ok, findings });
  else for (const finding of findings) printFinding(finding, context);
  return ok ? 0 : 1;
}

async function checkAll(context: CommandContext): Promise<Finding[]> {
  const machine = await Promise.all([
    checkNodeVersion(process.versions.node),
    checkGit(),
    checkDirectory(context.dataDir),
    checkDisk(context.dataDir),
    findNodeRuntime(context.dataDir, context.env).then((runtime) => [checkRuntime(runtime), checkLimits(runtime)]),
  ]);
  return [...machine.flat(), ...(await checkSamovar(context))];
}

export function checkNodeVersion(version: string): Finding {
  const ok = Number(version.split(".")[0]) >= NODE_MAJOR;
  return makeFinding(
    "Node",
    ok ? "ok" : "fault",
    version,
    ok ? null : `Start samovar through its launcher, or install Node ${NODE_MAJOR}.`,
  );
}

async function checkGit(): Promise<Finding> {
  const output = await new Promise<string | null>((resolve) => {
    execFile("git", ["--version"], { timeout: 10_000 }, (error, text) => resolve(error === null ? text.trim() : null));
  });
  return checkGitVersion(output);
}

/** `output`: what `git --version` printed; null when git could not be run. */
export function checkGitVersion(output: string | null): Finding {
  if (output === null) return makeFinding("git", "fault", "not found", "Install git.");
  const match = /(\d+)\.(\d+)/.exec(output);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  const recent = major > MIN_GIT[0] || (major === MIN_GIT[0] && minor >= MIN_GIT[1]);
  const version = output.replace(/^git version /, "");
  return makeFinding(
    "git",
    recent ? "ok" : "warning",
    version,
    recent ? null : `Samovar is tested with git ${MIN_GIT.join(".")} and newer.`,
  );
}

async function checkDirectory(dataDir: string): Promise<Finding> {
  const what = "Data directory";
  try {
    await access(await nearestExisting(dataDir), constants.W_OK | constants.X_OK);
    return makeFinding(what, "ok", dataDir, null);
  } catch {
    return makeFinding(
      what,
      "fault",
      `${dataDir} is not writable`,
      "Choose another with --data-dir DIR or SAMOVAR_DATA_DIR.",
    );
  }
}

async function checkDisk(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(dataDir));
  return checkFreeSpace(bavail * bsize);
}

export function checkFreeSpace(bytes: number): Finding {
  const enough = bytes >= MIN_FREE_BYTES;
  const hint = enough ? null : "Checkouts and agents need disk space: free some, or choose another data directory.";
  return makeFinding("Free space", enough ? "ok" : "warning", `${(bytes / 1024 ** 3).toFixed(1)} GiB`, hint);
}

/** `runtime`: null when the vm-agent did not say. */
export function checkRuntime(runtime: NodeRuntime | null): Finding {
  const what = "Sandbox";
  if (runtime === null) return makeFinding(what, "warning", "not known", "Build Samovar: npm run build");
  if (runtime.kind === "sandbox") return makeFinding(what, "ok", "agents run in a sandbox (bubblewrap)", null);
  if (runtime.kind === "docker") {
    const hint = runtime.reason === null ? null : `There is no sandbox: ${runtime.reason}`;
    return makeFinding(what, "ok", "agents run in docker containers", hint);
  }
  const [state, detail] =
    runtime.kind === "process"
      ? (["warning", "agents run with your user's permissions"] as const)
      : (["fault", "what WORKSPACE_RUNTIME demands does not work"] as const);
  return makeFinding(what, state, detail, runtime.reason);
}

/** `runtime`: null when the vm-agent did not say. */
export function checkLimits(runtime: NodeRuntime | null): Finding {
  const what = "Limits";
  switch (runtime?.limits) {
    case "kernel":
      return makeFinding(what, "ok", "the kernel keeps workspaces within their processes and memory (cgroups)", null);
    case "watched":
      return makeFinding(
        what,
        "ok",
        "workspaces are watched, and ended when they use too much (no cgroups here)",
        null,
      );
    case undefined:
      return makeFinding(what, "warning", "not known", "Build Samovar: npm run build");
  }
}

async function checkSamovar(context: CommandContext): Promise<Finding[]> {
  const presence = context.remote === null ? await readPresence(context.dataDir) : null;
  if (presence?.state === "starting" || presence?.state === "stopping")
    return [makeFinding("Samovar", "warning", `${presence.state} (process ${presence.pid})`, "Try again in a moment.")];
  if ((await findSamovar(context)) === null)
    return [makeFinding("Samovar", "warning", "not running", "Start it with: samovar up")];
  try {
    const client = await requireSamovar(context);
    const me = await client.me();
    return [
      makeFinding("Samovar", "ok", `running at ${client.url}, signed in as ${me.name}`, null),
      ...(await checkAgents(client, context)),
    ];
  } catch (error) {
    const hint = error instanceof CliError ? error.hint : null;
    return [makeFinding("Samovar", "fault", errorMessage(error), hint)];
  }
}

async function checkAgents(client: SamovarClient, { dataDir, env, remote }: CommandContext): Promise<Finding[]> {
  const agents = await Promise.all(
    (await client.agents()).map(async (agent) => checkAgent(agent, await findProgram(agent.program, dataDir, env))),
  );
  const kinds = (await client.credentials()).map(({ kind }) => kind);
  const provider = PROVIDERS.some((name) => kinds.includes(name));
  const hint =
    provider || remote !== null
      ? null
      : "No node can be made. On one computer restart `samovar up`; for a provider: samovar credentials set PROVIDER";
  return [...agents, makeFinding("Credentials", provider ? "ok" : "fault", kinds.join(", ") || "none", hint)];
}

/** A program that is missing here is missing on the local cloud's nodes too. */
export function checkAgent(agent: AgentView, program: FoundProgram): Finding {
  const ready = agent.usable && program.state !== "missing";
  const hint = agent.hint ?? (program.state === "missing" ? `Install ${program.what}, or edit the agent.` : null);
  const detail = `${agent.usable ? agent.name : `${agent.name}, not ready yet`}${DETAILS[program.state](program.what)}`;
  return makeFinding(`Agent ${agent.kind}`, ready ? "ok" : "warning", detail, hint);
}

const DETAILS: Record<FoundProgram["state"], (what: string) => string> = {
  included: () => "",
  installed: (what) => `, ${what}`,
  on_demand: (what) => `, ${what} will be installed at its first task`,
  missing: (what) => `, ${what} is not installed on this machine`,
};

async function nearestExisting(path: string): Promise<string> {
  const found = await access(path).then(
    () => true,
    () => false,
  );
  return found || dirname(path) === path ? path : nearestExisting(dirname(path));
}
