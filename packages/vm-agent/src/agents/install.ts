/**
 * Installs an agent's package, pinned, on first use. Several nodes of one machine may share the directory: a lock
 * that dies with its process lets one install at a time, and a finished installation appears by a rename.
 * The package's own scripts do not run.
 */
import type { Logger, Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import type { AgentPackage, Failure } from "@samovar/contracts";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { StartGate } from "@samovar/processes";
import * as z from "zod";
import { withLock } from "./lock.ts";
import { withLimit } from "../time-limit.ts";
import { runProgram } from "./run-program.ts";

export interface InstallPorts {
  readonly agentsDir: string;
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly starts: StartGate;
  /** The installation waits for its turn longer than usual. */
  readonly onDelayed: () => void;
  /** As {@link AgentPackage} names platforms; this machine's when absent. */
  readonly platform?: string;
}

/** One package, with the program in it. */
type Wanted = Omit<AgentPackage, "platforms">;
/** For a program to tell its version. */
const TRY_MS = 60_000;

/** A package that is made of one for each platform stands for the one of this. */
function packageFor({ platforms, ...wanted }: AgentPackage, ports: InstallPorts): Result<Wanted, Failure> {
  if (platforms === undefined) return ok(wanted);
  const platform = ports.platform ?? thisPlatform();
  const forPlatform = Object.entries(platforms).find(([known]) => known === platform)?.[1];
  if (forPlatform !== undefined) return ok({ ...wanted, name: forPlatform });
  return err(installFailed(wanted, `it has no program for ${platform}`));
}

const report = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

function thisPlatform(): string {
  const { platform, arch } = process;
  const isMusl =
    platform === "linux" && report.parse(process.report.getReport()).header.glibcVersionRuntime === undefined;
  return `${platform}-${arch}${isMusl ? "-musl" : ""}`;
}

/** Answers the argv that starts its program. Throws only an abort's reason. */
export async function installAgent(asked: AgentPackage, ports: InstallPorts): Promise<Result<string[], Failure>> {
  const chosen = packageFor(asked, ports);
  if (!chosen.ok) return chosen;
  const wanted = chosen.value;
  const place = join(ports.agentsDir, directoryOf(wanted));
  const known = programIn(wanted, place);
  if (known !== null) return ok(known);
  await mkdir(ports.agentsDir, { recursive: true });
  return withLimit(ports.timeoutMs, ports.signal, async ({ signal, isLate }) => {
    try {
      return await withLock(`${place}.lock`, signal, async () => {
        const made = programIn(wanted, place);
        return made === null ? await admitted(ports, signal, () => install(wanted, place, ports, signal)) : ok(made);
      });
    } catch (error) {
      ports.signal.throwIfAborted();
      if (!isLate()) throw error;
      return err(installFailed(wanted, `it took longer than ${Math.round(ports.timeoutMs / 1000)} s`));
    }
  });
}

const directoryOf = ({ name, version }: Wanted): string => `${name.replace("/", "+")}-${version}`;

/** Only whoever has the lock asks for its turn: the others would hold theirs for nothing. */
async function admitted<T>(
  { starts, onDelayed }: InstallPorts,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const permit = await starts.enter({ signal, onDelayed });
  try {
    signal.throwIfAborted();
    return await work();
  } finally {
    permit.release();
  }
}

async function install(
  wanted: Wanted,
  place: string,
  ports: InstallPorts,
  signal: AbortSignal,
): Promise<Result<string[], Failure>> {
  const partial = `${place}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  // A manifest of its own: npm would otherwise look for one above, and add to it.
  await writeFile(join(partial, "package.json"), '{ "private": true }\n');
  ports.logger.info("agent.installing", { package: wanted.name, version: wanted.version });
  const run = await runNpm(installArguments(wanted, partial), partial, ports.env, signal);
  signal.throwIfAborted();
  if (run.code !== 0) return err(installFailed(wanted, lastLines(run.said)));
  const argv = programIn(wanted, partial);
  if (argv === null) return err(installFailed(wanted, `it brings no program ${wanted.bin}`));
  const fault = await tryProgram(argv, wanted, partial, ports, signal);
  if (fault !== null) return err(installFailed(wanted, fault));
  await rm(place, { recursive: true, force: true });
  await rename(partial, place);
  ports.logger.info("agent.installed", { package: wanted.name, version: wanted.version });
  return ok(programIn(wanted, place) ?? []);
}

function installArguments(wanted: Wanted, prefix: string): readonly string[] {
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--no-update-notifier", "--loglevel=error"];
  return [
    "install",
    "--prefix",
    prefix,
    ...quiet,
    "--ignore-scripts",
    "--save-exact",
    "--",
    `${wanted.name}@${wanted.version}`,
  ];
}

const manifest = z.object({
  version: z.string(),
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
});

/** Null when this version is not there, or not whole. */
function programIn(wanted: Wanted, place: string): string[] | null {
  const directory = join(place, "node_modules", wanted.name);
  try {
    const { version, bin } = manifest.parse(JSON.parse(readFileSync(join(directory, "package.json"), "utf8")));
    // A package for one platform often names no program, and has it where the custom is.
    const entry = typeof bin === "string" ? bin : bin === undefined ? `bin/${wanted.bin}` : bin[wanted.bin];
    if (version !== wanted.version || entry === undefined) return null;
    const file = join(directory, entry);
    const head = headOf(file);
    return isScriptOfNode(file, head) ? [process.execPath, file] : [file];
  } catch {
    return null;
  }
}

/** Programs may have hundreds of megabytes. */
function headOf(file: string): string {
  const open = openSync(file, "r");
  try {
    const head = Buffer.alloc(100);
    return head.toString("latin1", 0, readSync(open, head));
  } finally {
    closeSync(open);
  }
}

/** What is written for Node runs on ours; anything else is a program of its own. */
const isScriptOfNode = (file: string, head: string): boolean =>
  /\.[cm]?js$/.test(file) || /^#!.*\bnode\b/.test(head.split("\n", 1)[0] ?? "");

/** The npm beside our Node, else the one on PATH; either runs on our Node. */
async function runNpm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal) {
  // The machine's own certificate authorities too: companies put theirs there.
  const run = await runProgram(
    ["npm", ...args],
    { cwd, env: { NODE_USE_SYSTEM_CA: "1", ...withOurNode(env) } },
    signal,
  );
  return { ...run, said: run.code === 127 ? "npm is not on this node's PATH" : run.said };
}

const withOurNode = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  PATH: [dirname(process.execPath), env["PATH"] ?? "/usr/bin:/bin"].join(delimiter),
});

/** Whether the program runs on this machine: it tells its version. Null, or what is wrong. */
async function tryProgram(
  argv: readonly string[],
  wanted: Wanted,
  partial: string,
  ports: InstallPorts,
  signal: AbortSignal,
) {
  if (wanted.versionArgs === undefined) return null;
  const home = join(partial, ".home");
  await mkdir(home);
  const where = { cwd: home, env: { ...withOurNode({ PATH: ports.env["PATH"] }), HOME: home } };
  const program = [...argv, ...wanted.versionArgs];
  const { run, isLate } = await withLimit(TRY_MS, signal, async (within) => ({
    run: await runProgram(program, where, within.signal),
    isLate: within.isLate(),
  }));
  signal.throwIfAborted();
  await rm(home, { recursive: true, force: true });
  if (run.code === 0 && run.said.includes(wanted.version)) return null;
  const how = isLate ? `did not tell its version within ${TRY_MS / 1000} s` : `ended with exit code ${run.code}`;
  return `its program does not run on this machine; it ${how}: ${lastLines(run.said)}`;
}

function lastLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.includes("A complete log of this run"));
  return lines.slice(-6).join("\n");
}

function installFailed(wanted: Wanted, words: string): Failure {
  const message = `The agent ${wanted.name} ${wanted.version} could not be installed: ${redactText(words)}`;
  return { code: "agent_install_failed", message: message.slice(0, 4000) };
}
