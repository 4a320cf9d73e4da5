/**
 * What a sandbox costs: the same work in each runtime, alternately on the same machine. `npm run bench -- sandbox
 * [--rounds N] [--runtimes process,sandbox]`; the first runtime is what the others are compared with. Uses the npm registry once.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { RUNTIME_MODES } from "@samovar/contracts";
import { chooseRuntime } from "@samovar/vm-agent/runtime/choose-runtime";
import { type NetworkRig, openRig } from "@samovar/vm-agent/runtime/network/rig.testing";
import {
  type Installation,
  removeDirectory,
  startInstallation,
  temporaryDirectory,
} from "../tests/harness/installation.ts";
import { Person } from "../tests/harness/person.ts";
import { git, makeRepository } from "../tests/harness/repository.ts";
import { untilWarm } from "./by-hand/task.ts";
import { measureOneStart } from "./start.ts";
import { median, printRows, spread } from "./table.ts";

type Runtime = (typeof RUNTIME_MODES)[number];

/** Milliseconds by round, the same rounds for each runtime. */
type Measured = ReadonlyMap<Runtime, readonly number[]>;

const FILES = 10_000;
const FILES_PER_DIRECTORY = 100;
/** Together with what they need, a few hundred packages, all of JavaScript. */
const DEPENDENCIES = { eslint: "8.57.1", express: "4.21.2", jest: "29.7.0", webpack: "5.97.1" };
/** Rounds of quick work for each round of the work that takes seconds. */
const SLOW = 3;
const NPM = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];

/** Runs its arguments as a program and prints how long that took: so a sandbox's own start is not part of the work in it. */
const TIMED = `const at = performance.now();
const { status, stderr } = child_process.spawnSync(process.argv[1], process.argv.slice(2), { encoding: "utf8" });
console.log(status === 0 ? performance.now() - at : stderr);`;

export async function measureSandbox(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "10" },
      runtimes: { type: "string", default: "process,sandbox" },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is ${values.rounds}; give a whole number`);
  const runtimes = values.runtimes.split(",").map(toRuntime);
  const starts = await measureStarts(runtimes, rounds);
  const directory = await temporaryDirectory("samovar-sandbox-");
  try {
    const measured = { "submit → agent running, warm": starts, ...(await measureWork(directory, runtimes, rounds)) };
    report(measured, runtimes);
  } finally {
    await removeDirectory(directory);
  }
}

function toRuntime(name: string): Runtime {
  const runtime = RUNTIME_MODES.find((mode) => mode === name && mode !== "auto");
  if (runtime === undefined) throw new Error(`--runtimes: there is no runtime ${name}`);
  return runtime;
}

/** An installation for each runtime, both running all the time. */
async function measureStarts(runtimes: readonly Runtime[], rounds: number): Promise<Measured> {
  const installations = new Map<Runtime, Installation>();
  try {
    for (const runtime of runtimes)
      installations.set(runtime, await startInstallation({ env: { WORKSPACE_RUNTIME: runtime } }));
    const run = async (runtime: Runtime) => {
      const here = installations.get(runtime);
      if (here === undefined) throw new Error(`${runtime} has no installation`);
      const { took } = await measureOneStart(here, join(here.dataDir, "repository"));
      await untilWarm(here, new Person(() => here));
      return took;
    };
    for (const here of installations.values()) makeRepository(join(here.dataDir, "repository"));
    return await alternate(runtimes, rounds, run);
  } finally {
    for (const here of installations.values()) {
      await here.stop();
      await removeDirectory(here.dataDir);
    }
  }
}

async function measureWork(directory: string, runtimes: readonly Runtime[], rounds: number) {
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const project = prepareProject(join(directory, "project"));
  const rigs = new Map<Runtime, NetworkRig>();
  try {
    for (const runtime of runtimes) {
      const choice = await chooseRuntime({ mode: runtime, readOnlyPaths: [] }, "/nonexistent", { PATH: path });
      if (choice.kind !== runtime) throw new Error(`${runtime} does not work here: ${choice.reason ?? ""}`);
      const rig = await openRig(directory, choice);
      rigs.set(runtime, rig);
      fillWorkspace(placesOf(rig), project);
    }
    const work = async (runtime: Runtime, line: string) => {
      const output = await rigOf(rigs, runtime).run(line, { PATH: path, TIMED });
      if (!/^[\d.]+$/.test(output)) throw new Error(`in ${runtime}, ${line}: ${output}`);
      return Number(output);
    };
    return {
      "start of a program": await alternate(runtimes, rounds, async (runtime) => {
        const at = performance.now();
        await rigOf(rigs, runtime).run("true");
        return performance.now() - at;
      }),
      [`git status, ${FILES} files`]: await alternate(runtimes, rounds, (runtime) =>
        work(runtime, `cd files && "$NODE" -e "$TIMED" git status --porcelain`),
      ),
      [`npm ci, ${project.packages} packages`]: await alternate(runtimes, Math.ceil(rounds / SLOW), async (runtime) => {
        rmSync(join(placesOf(rigOf(rigs, runtime)).checkout, "project/node_modules"), { recursive: true, force: true });
        return work(runtime, `cd project && "$NODE" -e "$TIMED" npm ci --offline ${NPM.join(" ")}`);
      }),
    };
  } finally {
    for (const rig of rigs.values()) await rig.end();
  }
}

interface Project {
  /** With `package.json` and its lockfile. */
  readonly directory: string;
  readonly cache: string;
  readonly packages: number;
}

function prepareProject(directory: string): Project {
  const cache = join(dirname(directory), "npm-cache");
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ name: "tea", dependencies: DEPENDENCIES }));
  // With addresses in the lockfile, whatever the person's own npm settings are: without them, npm looks each package up again.
  const locked = ["--omit-lockfile-registry-resolved=false", "--cache", cache];
  execFileSync("npm", ["install", ...NPM, ...locked], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const lines = execFileSync("npm", ["ls", "--all", "--parseable"], { cwd: directory, encoding: "utf8" }).trim();
  rmSync(join(directory, "node_modules"), { recursive: true });
  return { directory, cache, packages: lines.split("\n").length - 1 };
}

/** The same files for each runtime: the project, its cache in the home, and a repository. */
function fillWorkspace({ checkout, home }: Record<"checkout" | "home", string>, project: Project): void {
  cpSync(project.directory, join(checkout, "project"), { recursive: true });
  cpSync(project.cache, join(home, ".npm"), { recursive: true });
  const files = Array.from({ length: FILES }, (_, n) => [
    `${Math.floor(n / FILES_PER_DIRECTORY)}/${n}.txt`,
    `cup ${n}\n`,
  ]);
  git(makeRepository(join(checkout, "files"), Object.fromEntries(files)), "status");
}

/** On the node. */
function placesOf({ runtime }: NetworkRig): Record<"checkout" | "home", string> {
  const find = (path: string) => runtime.toNodePath(path) ?? path;
  return { checkout: find(runtime.seen.checkout ?? ""), home: find(runtime.seen.home) };
}

function rigOf(rigs: ReadonlyMap<Runtime, NetworkRig>, runtime: Runtime): NetworkRig {
  const rig = rigs.get(runtime);
  if (rig === undefined) throw new Error(`${runtime} has no workspace`);
  return rig;
}

/** One unmeasured run of each; then each round has one of each, in turning order. */
async function alternate(
  runtimes: readonly Runtime[],
  rounds: number,
  run: (runtime: Runtime) => Promise<number>,
): Promise<Measured> {
  const measured = new Map(runtimes.map((runtime): [Runtime, number[]] => [runtime, []]));
  for (const runtime of runtimes) await run(runtime);
  for (let round = 0; round < rounds; round++) {
    for (const runtime of round % 2 === 0 ? runtimes : runtimes.toReversed())
      measured.get(runtime)?.push(await run(runtime));
  }
  return measured;
}

function report(measured: Readonly<Record<string, Measured>>, [base, ...others]: readonly Runtime[]): void {
  if (base === undefined) return;
  for (const [title, samples] of Object.entries(measured)) {
    const before = samples.get(base) ?? [];
    const rows = [base, ...others].map((runtime) => {
      const after = samples.get(runtime) ?? [];
      const { count, p50, p90 } = spread(runtime, after);
      const ratio = spread(
        "",
        after.map((ms, n) => ms / (before[n] ?? Number.NaN)),
      );
      const added = median(after.map((ms, n) => ms - (before[n] ?? Number.NaN)));
      return { name: runtime, values: [count, p50, p90, ratio.p50, ratio.p90, added] };
    });
    printRows(title, ["N", "p50 ms", "p90 ms", `÷ ${base} p50`, "p90", "added ms p50"], rows, 2);
  }
  console.log(
    `\nratios and differences are pair by pair; load of this machine, 1 min: ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
}
