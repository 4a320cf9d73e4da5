/**
 * Runs all suites, one after the other, and reports each with its time; the last line is a summary. A failed suite does not
 * stop the next one. `node scripts/test.ts [--long] [suite …]` runs some of them; `--long` uses every seed of a series.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { chmod, mkdtemp, readFile } from "node:fs/promises";
import { availableParallelism, freemem, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type Omission, OMISSIONS_VARIABLE } from "../packages/testing/src/omission.ts";
import { checkCoverage } from "./coverage.ts";
import { installProgram } from "./deploy/install-program.ts";
import { installSystemPackages } from "./system-packages.ts";

interface Tally {
  readonly passed: number;
  /** The failures, one line each, repeated at the end of the log. */
  readonly failures: readonly string[];
}

interface Suite {
  readonly name: string;
  /** Whether it uses programs that npm does not have. */
  readonly needsPrograms?: boolean;
  run(): Promise<Tally>;
}

const root = join(import.meta.dirname, "..");
/** About three times the size of the tests' files. */
const ROOM_BYTES = 6 * 2 ** 30;
const scratch = await mkdtemp(join(findMemoryDirectory() ?? tmpdir(), "samovar-test-"));
// Some tests start programs as another user, who passes through it.
await chmod(scratch, 0o711);
// Databases, clones and workspaces of the tests: on a disk, the tests would mostly wait for it.
process.env["TMPDIR"] = scratch;
// Also after Ctrl-C: what is left there would occupy memory.
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
/** Where tests that cannot run on this machine are named. */
const omissionsFile = join(scratch, "omissions");
process.env[OMISSIONS_VARIABLE] = omissionsFile;
/** Many unit tests wait for processes, sockets and workerd: with vitest's default, half of a small machine would be idle. */
const UNITS_AT_ONCE = availableParallelism() + 2;
const bin = (name: string) => join(root, "node_modules/.bin", name);

/** Debian packages that the suites use. */
const PROGRAMS = [
  "bubblewrap",
  "caddy",
  "docker.io",
  "chromium",
  "cloud-init",
  "hcloud-cli",
  "procps",
  "curl",
  "git-lfs",
  "openssh-server",
  "python3-venv",
  "python3-yaml",
];
/** Those that only `--long` uses, because they are large. */
const LONG_PROGRAMS = ["golang-go", "rustc", "cargo"];

const suites: readonly Suite[] = [
  // One checker each: more would check the same declarations again, and four programs already fill the cores.
  {
    name: "types",
    run: () =>
      all(
        ["tsconfig.json", "apps/api", "apps/web", "tests"].map((project) => ["tsc", "-p", project, "--checkers", "1"]),
      ),
  },
  {
    name: "lint",
    run: () =>
      all([
        ["oxlint"],
        ["node", "scripts/check-layers.ts"],
        ["node", "scripts/check-security-tests.ts"],
        ["oxfmt", "--check"],
        ["knip", "--no-config-hints"],
      ]),
  },
  { name: "build", run: () => all([["node", "scripts/build.ts"]]) },
  { name: "units", needsPrograms: true, run: unitsWithCoverage },
  { name: "journeys", needsPrograms: true, run: () => wholeStack("journeys", "crowd") },
  {
    name: "deploy",
    needsPrograms: true,
    run: () => {
      installProgram(join(root, "infra"));
      return wholeStack("deploy");
    },
  },
  { name: "recovery", needsPrograms: true, run: () => wholeStack("recovery") },
];

const words = process.argv.slice(2);
const isLong = words.includes("--long");
if (isLong) process.env["SAMOVAR_LONG_TESTS"] = "1";
const asked = words.filter((word) => word !== "--long");
const unknown = asked.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0)
  throw new Error(`no suite ${unknown.join(", ")}; there are ${suites.map((suite) => suite.name).join(", ")}`);

const chosen = suites.filter(({ name }) => asked.length === 0 || asked.includes(name));
if (chosen.some(({ needsPrograms = false }) => needsPrograms))
  await installSystemPackages([...PROGRAMS, ...(isLong ? LONG_PROGRAMS : [])]);
const failures: string[] = [];
let passed = 0;
for (const suite of chosen) {
  const startedAt = performance.now();
  const tally = await suite.run().catch(broken);
  passed += tally.passed;
  failures.push(...tally.failures.map((failure) => `${suite.name}: ${failure}`));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(`\n— ${suite.name}: ${tally.passed} passed, ${tally.failures.length} failed, ${seconds} s\n`);
}
for (const failure of failures) console.log(`✗ ${failure}`);
const omissions = readOmissions();
for (const { what, tests, reason } of omissions) console.log(`○ omitted: ${what} (${tests} tests): ${reason}`);
const omitted = omissions.reduce((sum, { tests }) => sum + tests, 0);
console.log(`${passed} passed, ${failures.length} failed${omitted === 0 ? "" : `, ${omitted} omitted`}`);
process.exitCode = failures.length === 0 ? 0 : 1;

function readOmissions(): Omission[] {
  if (!existsSync(omissionsFile)) return [];
  const lines = readFileSync(omissionsFile, "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Omission);
}

/** Linux's memory file system, if it has enough space and allows running programs from it. */
function findMemoryDirectory(): string | null {
  const place = "/dev/shm";
  const mount = existsSync("/proc/mounts")
    ? readFileSync("/proc/mounts", "utf8")
        .split("\n")
        .find((line) => line.split(" ")[1] === place)
    : undefined;
  if (mount === undefined || mount.includes("noexec")) return null;
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize > ROOM_BYTES && freemem() > ROOM_BYTES ? place : null;
}

/** A suite that throws is a failure; the next one still runs. */
function broken(error: unknown): Tally {
  return { passed: 0, failures: [getBeginning(String(error))] };
}

/** Runs all in parallel; each counts as one test. */
async function all(commands: readonly (readonly string[])[]): Promise<Tally> {
  const codes = await Promise.all(commands.map(([program = "", ...args]) => exec(bin(program), args)));
  const failures = commands.filter((_command, at) => codes[at] !== 0).map((words) => words.join(" "));
  return { passed: commands.length - failures.length, failures };
}

/** A coverage limit that is not met counts as a failed test. Coverage of started processes is counted only with `--long`, since it doubles their cost. */
async function unitsWithCoverage(): Promise<Tally> {
  if (isLong) process.env["SAMOVAR_PROCESS_COVERAGE"] = join(root, "coverage/processes");
  const { passed, failures } = await vitest("units", ["--coverage", `--maxWorkers=${UNITS_AT_ONCE}`]);
  delete process.env["SAMOVAR_PROCESS_COVERAGE"];
  const faults = await checkCoverage();
  return { passed: passed + (faults.length === 0 ? 1 : 0), failures: [...failures, ...faults] };
}

/** Projects of tests/vitest.config.ts; the suite is named after the first. */
function wholeStack(...projects: readonly [string, ...string[]]): Promise<Tally> {
  return vitest(projects[0], [
    "--config",
    "tests/vitest.config.ts",
    ...projects.flatMap((name) => ["--project", name]),
  ]);
}

/** An error outside the tests counts as one more failure. */
async function vitest(name: string, args: readonly string[]): Promise<Tally> {
  const report = join(scratch, `${name}.json`);
  const code = await exec(bin("vitest"), [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  const { passed, failures } = await countTally(report);
  const broke = code !== 0 && failures.length === 0 ? [`vitest ended with ${code}, and no test failed`] : [];
  return { passed, failures: [...failures, ...broke] };
}

/** The parts of vitest's JSON report that this script reads. */
interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly FileReport[];
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  /** Errors outside the tests. */
  readonly message: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName: string;
    readonly failureMessages: readonly string[];
  }[];
}

async function countTally(report: string): Promise<Tally> {
  const { numPassedTests, testResults } = await reportIn(report);
  return { passed: numPassedTests, failures: testResults.flatMap(listFailures) };
}

function listFailures({ name, status, message, assertionResults }: FileReport): string[] {
  const file = relative(root, name);
  const failed = assertionResults.filter((test) => test.status === "failed");
  if (failed.length === 0) return status === "failed" ? [`${file}: ${getBeginning(message)}`] : [];
  return failed.map(
    ({ fullName, failureMessages }) => `${file} > ${fullName}: ${getBeginning(failureMessages[0] ?? "")}`,
  );
}

function getBeginning(text: string): string {
  return text.trim().split("\n", 1).join("").slice(0, 300);
}

/** A run that broke before its report has run no test. */
async function reportIn(path: string): Promise<Report> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Report;
  } catch {
    return { numPassedTests: 0, testResults: [] };
  }
}

function exec(program: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}
