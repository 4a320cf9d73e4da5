/** `samovar doctor`: whether this machine and the running Samovar have what tasks need, and what to do if not. */
import { execFile } from "node:child_process";
import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { errorMessage } from "@samovar/base";
import type { ApiClient } from "@samovar/client/api-client";
import type { AgentView } from "@samovar/contracts";
import { findSamovar, requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { readPresence } from "../client/presence.ts";
import { findProgram, type FoundProgram } from "./agents/program.ts";
import { type CommandContext, printJson } from "./context.ts";

export interface Finding {
  readonly what: string;
  /** `warning`: some tasks cannot run; `fault`: none can. */
  readonly state: "ok" | "warning" | "fault";
  readonly detail: string;
  /** What to do; null when nothing is. */
  readonly hint: string | null;
}

const NODE_MAJOR = 24;
const LEAST_FREE_BYTES = 2 * 1024 ** 3;
const LEAST_GIT = [2, 31] as const;

/** Exit code 0 when nothing is a fault, else 1. */
export async function doctor(context: CommandContext): Promise<number> {
  const machine = await Promise.all([
    nodeFinding(process.versions.node),
    gitFinding(),
    directoryFinding(context.dataDir),
    diskFinding(context.dataDir),
  ]);
  const findings = [...machine, ...(await samovarFindings(context))];
  const ok = findings.every(({ state }) => state !== "fault");
  if (context.json) printJson(context.terminal, { ok, findings });
  else for (const finding of findings) tell(finding, context);
  return ok ? 0 : 1;
}

export function nodeFinding(version: string): Finding {
  const ok = Number(version.split(".")[0]) >= NODE_MAJOR;
  return finding(
    "Node",
    ok ? "ok" : "fault",
    version,
    ok ? null : `Start samovar through its launcher, or install Node ${NODE_MAJOR}.`,
  );
}

async function gitFinding(): Promise<Finding> {
  const output = await new Promise<string | null>((resolve) => {
    execFile("git", ["--version"], { timeout: 10_000 }, (error, text) => resolve(error === null ? text.trim() : null));
  });
  return gitVersionFinding(output);
}

/** `output`: what `git --version` printed; null when it could not be run. */
export function gitVersionFinding(output: string | null): Finding {
  if (output === null) return finding("git", "fault", "not found", "Install git.");
  const match = /(\d+)\.(\d+)/.exec(output);
  const [major, minor] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  const recent = major > LEAST_GIT[0] || (major === LEAST_GIT[0] && minor >= LEAST_GIT[1]);
  const version = output.replace(/^git version /, "");
  return finding(
    "git",
    recent ? "ok" : "warning",
    version,
    recent ? null : `Samovar is tried with git ${LEAST_GIT.join(".")} and newer.`,
  );
}

async function directoryFinding(dataDir: string): Promise<Finding> {
  const what = "Data directory";
  try {
    await access(await nearestExisting(dataDir), constants.W_OK | constants.X_OK);
    return finding(what, "ok", dataDir, null);
  } catch {
    return finding(
      what,
      "fault",
      `${dataDir} is not writable`,
      "Choose another with --data-dir DIR or SAMOVAR_DATA_DIR.",
    );
  }
}

async function diskFinding(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(dataDir));
  return freeSpaceFinding(bavail * bsize);
}

export function freeSpaceFinding(bytes: number): Finding {
  const enough = bytes >= LEAST_FREE_BYTES;
  const hint = enough ? null : "Checkouts and agents need room: make some, or choose another data directory.";
  return finding("Free space", enough ? "ok" : "warning", `${(bytes / 1024 ** 3).toFixed(1)} GiB`, hint);
}

async function samovarFindings(context: CommandContext): Promise<Finding[]> {
  const presence = await readPresence(context.dataDir);
  if (presence.state === "starting" || presence.state === "stopping")
    return [finding("Samovar", "warning", `${presence.state} (process ${presence.pid})`, "Try again in a moment.")];
  if ((await findSamovar(context)) === null)
    return [finding("Samovar", "warning", "not running", "Start it with: samovar up")];
  try {
    const client = await requireSamovar(context);
    const me = await client.me();
    return [
      finding("Samovar", "ok", `running at ${client.url}, signed in as ${me.name}`, null),
      ...(await agentFindings(client, context)),
    ];
  } catch (error) {
    const hint = error instanceof CliError ? error.hint : null;
    return [finding("Samovar", "fault", errorMessage(error), hint)];
  }
}

async function agentFindings(client: ApiClient, { dataDir, env }: CommandContext): Promise<Finding[]> {
  const agents = await Promise.all(
    (await client.agents()).map(async (agent) => agentFinding(agent, await findProgram(agent.program, dataDir, env))),
  );
  const kinds = (await client.credentials()).map(({ kind }) => kind);
  const provider = kinds.includes("hetzner");
  const hint = provider ? null : "Restart `samovar up`: it stores the one of its own cloud.";
  return [...agents, finding("Credentials", provider ? "ok" : "fault", kinds.join(", ") || "none", hint)];
}

/** A program that is not here is missing on the machines of this computer too. */
export function agentFinding(agent: AgentView, program: FoundProgram): Finding {
  const ready = agent.usable && program.state !== "missing";
  const hint = agent.hint ?? (program.state === "missing" ? `Install ${program.what}, or change the agent.` : null);
  const detail = `${agent.usable ? agent.name : `${agent.name}, not usable yet`}${DETAILS[program.state](program.what)}`;
  return finding(`Agent ${agent.kind}`, ready ? "ok" : "warning", detail, hint);
}

const DETAILS: Record<FoundProgram["state"], (what: string) => string> = {
  part: () => "",
  installed: (what) => `, ${what}`,
  later: (what) => `, ${what} is installed at its first task`,
  missing: (what) => `, ${what} is not on this machine`,
};

function finding(what: string, state: Finding["state"], detail: string, hint: string | null): Finding {
  return { what, state, detail, hint };
}

function tell({ what, state, detail, hint }: Finding, { terminal }: CommandContext): void {
  const { style } = terminal;
  const mark = { ok: style.green("✓"), warning: style.yellow("!"), fault: style.red("✗") }[state];
  terminal.line(`${mark} ${what.padEnd(15)} ${detail}`);
  if (hint !== null) terminal.line(`  ${" ".repeat(15)} ${style.dim(hint)}`);
}

async function nearestExisting(path: string): Promise<string> {
  const found = await access(path).then(
    () => true,
    () => false,
  );
  return found || dirname(path) === path ? path : nearestExisting(dirname(path));
}
