/**
 * All suites, one after the other, each told with its time; the last line sums them up. A suite that fails does not
 * keep the next from running. `node scripts/test.ts [suite …]` runs some of them.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { checkCoverage } from "./coverage.ts";
import { installSystemPackages } from "./system-packages.ts";

interface Tally {
  readonly passed: number;
  readonly failed: number;
}

interface Suite {
  readonly name: string;
  run(): Promise<Tally>;
}

const root = join(import.meta.dirname, "..");
const scratch = await mkdtemp(join(tmpdir(), "samovar-test-"));
/** Many unit tests wait for processes, sockets and workerd: with vitest's own choice half of a small machine would idle. */
const UNITS_AT_ONCE = Math.max(3, availableParallelism());
const bin = (name: string) => join(root, "node_modules/.bin", name);

const suites: readonly Suite[] = [
  {
    name: "types",
    run: () =>
      all([
        ["tsc", "-p", "tsconfig.json"],
        ["tsc", "-p", "apps/api"],
        ["tsc", "-p", "apps/web"],
        ["tsc", "-p", "tests"],
      ]),
  },
  { name: "lint", run: () => all([["oxlint"], ["oxfmt", "--check"]]) },
  { name: "build", run: () => all([["node", "scripts/build.ts"]]) },
  { name: "units", run: unitsWithCoverage },
  { name: "journeys", run: () => wholeStack("journeys", "crowd") },
  { name: "recovery", run: () => wholeStack("recovery") },
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0)
  throw new Error(`no suite ${unknown.join(", ")}; there are ${suites.map((suite) => suite.name).join(", ")}`);

await installSystemPackages([
  "chromium",
  "cloud-init",
  "hcloud-cli",
  "procps",
  "curl",
  "git-lfs",
  "openssh-server",
  "python3-yaml",
]);
const total = { passed: 0, failed: 0 };
for (const suite of suites.filter(({ name }) => asked.length === 0 || asked.includes(name))) {
  const startedAt = performance.now();
  const tally = await suite.run();
  total.passed += tally.passed;
  total.failed += tally.failed;
  console.log(
    `\n— ${suite.name}: ${tally.passed} passed, ${tally.failed} failed, ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`,
  );
}
await rm(scratch, { recursive: true, force: true });
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** Each command counts as one test. */
async function all(commands: readonly (readonly [string, ...string[]])[]): Promise<Tally> {
  let passed = 0;
  for (const [program, ...args] of commands) if ((await exec(bin(program), args)) === 0) passed++;
  return { passed, failed: commands.length - passed };
}

/** A coverage limit that is not held counts as a failed test. */
async function unitsWithCoverage(): Promise<Tally> {
  process.env["SAMOVAR_PROCESS_COVERAGE"] = join(root, "coverage/processes");
  const { passed, failed } = await vitest("units", ["--coverage", `--maxWorkers=${UNITS_AT_ONCE}`]);
  delete process.env["SAMOVAR_PROCESS_COVERAGE"];
  const faults = await checkCoverage();
  for (const fault of faults) console.error(fault);
  return { passed: passed + (faults.length === 0 ? 1 : 0), failed: failed + faults.length };
}

/** Projects of tests/vitest.config.ts; the suite is named after the first. */
function wholeStack(...projects: readonly [string, ...string[]]): Promise<Tally> {
  return vitest(projects[0], [
    "--config",
    "tests/vitest.config.ts",
    ...projects.flatMap((name) => ["--project", name]),
  ]);
}

/** A run that breaks outside its tests, or misses a coverage limit, counts as one more failure. */
async function vitest(name: string, args: readonly string[]): Promise<Tally> {
  const report = join(scratch, `${name}.json`);
  const code = await exec(bin("vitest"), [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...args,
  ]);
  const { numPassedTests, numFailedTests } = await tallyOf(report);
  const broke = code !== 0 && numFailedTests === 0 ? 1 : 0;
  return { passed: numPassedTests, failed: numFailedTests + broke };
}

async function tallyOf(report: string): Promise<{ numPassedTests: number; numFailedTests: number }> {
  try {
    return JSON.parse(await readFile(report, "utf8")) as { numPassedTests: number; numFailedTests: number };
  } catch {
    return { numPassedTests: 0, numFailedTests: 0 };
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
