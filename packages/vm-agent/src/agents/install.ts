/**
 * Installs an agent's pinned package on first use, from its lockfile. Several nodes on one computer may share the directory: a
 * lock that is released when its process dies lets one install at a time, and a finished installation appears by a rename. The
 * package's scripts do not run. What was installed is recorded beside the directory, where agents cannot write; a tree that
 * does not match its record is never run but replaced.
 */
import type { Logger, Result } from "@samovar/base";
import { err, ok, redactText } from "@samovar/base";
import type { AgentPackage, Failure } from "@samovar/contracts";
import { getLockfileDigest, nameInstallation } from "@samovar/domain/agent-installation";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { chmod, mkdir, realpath, rename, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { StartGate } from "@samovar/processes";
import * as z from "zod";
import { checkTree, forgetTree, makeReadOnly, recordTree } from "./installed-tree.ts";
import { withLock } from "./lock.ts";
import { keepLockfile, readLockfile, writeLockedManifest } from "./lockfile.ts";
import type { TreeChecks } from "./tree-checks.ts";
import { withLimit } from "../time-limit.ts";
import { PASSABLE } from "../users/places.ts";
import { runProgram } from "./run-program.ts";

export interface InstallPorts {
  readonly agentsDir: string;
  /** Where lockfiles are downloaded; without a trailing slash. */
  readonly controlPlaneUrl: string;
  readonly trees: TreeChecks;
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly starts: StartGate;
  /** Called when the installation waits long at the start gate. */
  readonly onDelayed: () => void;
  /** Called before a tree that does not match its record is replaced. */
  readonly onRejected: (message: string) => void;
  /** A platform name as in {@link AgentPackage}; this node's when absent. */
  readonly platform?: string;
}

/** One package and the program in it. */
type PackageSpec = Omit<AgentPackage, "platforms">;

/** Where one package is, and what is known about it. */
interface Place {
  readonly directory: string;
  readonly partial: string;
  /** {@link recordTree} */
  readonly record: string;
  readonly lockfile: string;
}
/** For a program to print its version. */
const TRY_MS = 60_000;

/** Resolves a package that exists once per platform to the one for this platform. */
function resolvePackage({ platforms, ...wanted }: AgentPackage, ports: InstallPorts): Result<PackageSpec, Failure> {
  if (platforms === undefined) return ok(wanted);
  const platform = ports.platform ?? getPlatform();
  const forPlatform = Object.entries(platforms).find(([known]) => known === platform)?.[1];
  if (forPlatform === undefined) return err(createInstallFailure(wanted, `it has no program for ${platform}`));
  const found = { ...wanted, name: forPlatform };
  if (!isUnlocked(found)) return ok(found);
  const why = `Samovar has no lockfile for it on ${platform}, and so cannot check what it would download`;
  return err(
    createInstallFailure(
      found,
      `${why}. Choose another agent, or add this package as an agent of your own: samovar agents add`,
    ),
  );
}

/** A package whose row ships lockfiles, but none for this platform, is not installed unchecked. */
const isUnlocked = (wanted: PackageSpec): boolean =>
  wanted.lockfiles !== undefined && getLockfileDigest(wanted) === null;

const report = z.object({ header: z.object({ glibcVersionRuntime: z.string().optional() }) });

function getPlatform(): string {
  const { platform, arch } = process;
  const isMusl =
    platform === "linux" && report.parse(process.report.getReport()).header.glibcVersionRuntime === undefined;
  return `${platform}-${arch}${isMusl ? "-musl" : ""}`;
}

/** Returns the argv that starts its program. Throws only an abort's reason. */
export async function installAgent(requested: AgentPackage, ports: InstallPorts): Promise<Result<string[], Failure>> {
  const chosen = resolvePackage(requested, ports);
  if (!chosen.ok) return chosen;
  const wanted = chosen.value;
  const place = locate(wanted, ports.agentsDir);
  const known = readInstalledProgram(wanted, place.directory);
  if (known !== null && (await ports.trees.isUntouched(place.directory, place.record))) return ok(known);
  ports.signal.throwIfAborted();
  await mkdir(ports.agentsDir, { recursive: true });
  // Users of workspaces run what is in it, and list nothing.
  await chmod(ports.agentsDir, PASSABLE);
  return withLimit(ports.timeoutMs, ports.signal, async ({ signal, isLate }) => {
    try {
      return await withLock(`${place.directory}.lock`, signal, async () => {
        const made = await findIntactProgram(wanted, place, ports);
        return made === null
          ? await runWhenAdmitted(ports, signal, () => install(wanted, place, ports, signal))
          : ok(made);
      });
    } catch (error) {
      ports.signal.throwIfAborted();
      if (!isLate()) throw error;
      return err(createInstallFailure(wanted, `it took longer than ${Math.round(ports.timeoutMs / 1000)} s`));
    }
  });
}

function locate(wanted: PackageSpec, agentsDir: string): Place {
  const id = nameInstallation(wanted);
  const directory = join(agentsDir, id);
  const records = `${agentsDir}-records`;
  return {
    directory,
    partial: `${directory}.partial`,
    record: join(records, `${id}.json`),
    lockfile: join(records, `${id}.package-lock.json`),
  };
}

/** Within the lock. Reports an installed tree that cannot be trusted. */
async function findIntactProgram(wanted: PackageSpec, place: Place, ports: InstallPorts): Promise<string[] | null> {
  if (!existsSync(place.directory)) return null;
  const state = await checkTree(place.directory, place.record);
  const program = state === "intact" ? readInstalledProgram(wanted, place.directory) : null;
  if (program !== null) return program;
  const why = state === "unknown" ? "has no record of its installation" : "was changed after its installation";
  const message = `The agent ${wanted.name} ${wanted.version} in ${place.directory} ${why}. It was not run, and is installed anew.`;
  ports.logger.warn("agent.rejected", { package: wanted.name, version: wanted.version, state, message });
  ports.onRejected(message);
  return null;
}

/** Only the process with the lock enters the start gate; the others would hold a permit without using it. */
async function runWhenAdmitted<T>(
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
  wanted: PackageSpec,
  place: Place,
  ports: InstallPorts,
  signal: AbortSignal,
): Promise<Result<string[], Failure>> {
  const { directory, partial, record } = place;
  const { controlPlaneUrl } = ports;
  const digest = getLockfileDigest(wanted);
  const lockfile = await readLockfile({ digest, file: place.lockfile, controlPlaneUrl, signal });
  if (!lockfile.ok) return err(createInstallFailure(wanted, lockfile.error));
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const isLocked = lockfile.value !== null;
  if (isLocked) await writeLockedManifest(partial, lockfile.value);
  // A separate manifest, because npm would otherwise find one in a parent directory and add to it.
  else await writeFile(join(partial, "package.json"), '{ "private": true }\n');
  ports.logger.info("agent.install_started", { package: wanted.name, version: wanted.version, locked: isLocked });
  // npm takes a path with a symbolic link in it for a package that is missing from the lockfile.
  const prefix = await realpath(partial);
  const run = await runNpm(getInstallArguments(wanted, prefix, isLocked), prefix, ports.env, signal);
  signal.throwIfAborted();
  if (run.code !== 0) return err(createInstallFailure(wanted, getLastLines(run.output)));
  const argv = readInstalledProgram(wanted, partial);
  if (argv === null) return err(createInstallFailure(wanted, `it has no program ${wanted.bin}`));
  const fault = await tryProgram(argv, wanted, partial, ports, signal);
  if (fault !== null) return err(createInstallFailure(wanted, fault));
  if (!isLocked) await keepLockfile(partial, place.lockfile);
  await makeReadOnly(partial);
  await forgetTree(record);
  await rm(directory, { recursive: true, force: true });
  await rename(partial, directory);
  await recordTree(directory, record);
  ports.logger.info("agent.installed", { package: wanted.name, version: wanted.version });
  return ok(readInstalledProgram(wanted, directory) ?? []);
}

function getInstallArguments(wanted: PackageSpec, prefix: string, isLocked: boolean): readonly string[] {
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--no-update-notifier", "--loglevel=error"];
  const common = ["--prefix", prefix, ...quiet, "--ignore-scripts", "--omit=dev", "--package-lock"];
  return isLocked
    ? ["ci", ...common]
    : ["install", ...common, "--save-exact", "--", `${wanted.name}@${wanted.version}`];
}

const manifest = z.object({
  version: z.string(),
  bin: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
});

/** Null when this version is not installed, or not completely. */
function readInstalledProgram(wanted: PackageSpec, directory: string): string[] | null {
  const root = join(directory, "node_modules", wanted.name);
  try {
    const { version, bin } = manifest.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
    // A package for one platform often declares no program and has it in the customary place.
    const entry = typeof bin === "string" ? bin : bin === undefined ? `bin/${wanted.bin}` : bin[wanted.bin];
    if (version !== wanted.version || entry === undefined) return null;
    const file = join(root, entry);
    const head = readHead(file);
    return isNodeScript(file, head) ? [process.execPath, file] : [file];
  } catch {
    return null;
  }
}

/** The first bytes only, because programs may have hundreds of megabytes. */
function readHead(file: string): string {
  const open = openSync(file, "r");
  try {
    const head = Buffer.alloc(100);
    return head.toString("latin1", 0, readSync(open, head));
  } finally {
    closeSync(open);
  }
}

/** A script for Node runs on the vm-agent's Node; anything else is executed directly. */
const isNodeScript = (file: string, head: string): boolean =>
  /\.[cm]?js$/.test(file) || /^#!.*\bnode\b/.test(head.split("\n", 1)[0] ?? "");

/** Runs the npm beside the vm-agent's Node, or else the one on PATH, with that Node. */
async function runNpm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, signal: AbortSignal) {
  // Companies add their certificate authorities to the system's.
  const run = await runProgram(
    ["npm", ...args],
    { cwd, env: { NODE_USE_SYSTEM_CA: "1", ...addNodeToPath(env) } },
    signal,
  );
  return { ...run, output: run.code === 127 ? "npm is not on this node's PATH" : run.output };
}

const addNodeToPath = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  PATH: [dirname(process.execPath), env["PATH"] ?? "/usr/bin:/bin"].join(delimiter),
});

/** Checks that the program runs on this node and prints its version. Returns null, or what is wrong. */
async function tryProgram(
  argv: readonly string[],
  wanted: PackageSpec,
  partial: string,
  ports: InstallPorts,
  signal: AbortSignal,
) {
  if (wanted.versionArgs === undefined) return null;
  const home = join(partial, ".home");
  await mkdir(home);
  const options = { cwd: home, env: { ...addNodeToPath({ PATH: ports.env["PATH"] }), HOME: home } };
  const program = [...argv, ...wanted.versionArgs];
  const { run, isLate } = await withLimit(TRY_MS, signal, async (within) => ({
    run: await runProgram(program, options, within.signal),
    isLate: within.isLate(),
  }));
  signal.throwIfAborted();
  await rm(home, { recursive: true, force: true });
  if (run.code === 0 && run.output.includes(wanted.version)) return null;
  const how = isLate ? `did not print its version within ${TRY_MS / 1000} s` : `ended with exit code ${run.code}`;
  return `its program does not run on this node; it ${how}: ${getLastLines(run.output)}`;
}

function getLastLines(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.includes("A complete log of this run"));
  return lines.slice(-6).join("\n");
}

function createInstallFailure(wanted: PackageSpec, reason: string): Failure {
  const message = `The agent ${wanted.name} ${wanted.version} could not be installed: ${redactText(reason)}`;
  return { code: "agent_install_failed", message: message.slice(0, 4000) };
}
