/**
 * Fifty tasks at once on a machine that is busy with other work, twenty of them long, together with a person's page and
 * health checks of the control plane. `npm run bench -- crowd [--runs N] [--busy N]`.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { errorMessage } from "@samovar/base";
import type { ProjectView, TaskView } from "@samovar/contracts";
import type { PersonsBrowser } from "../tests/harness/browser.ts";
import { type Installation, removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { Person } from "../tests/harness/person.ts";
import { makeRepository } from "../tests/harness/repository.ts";
import { longTask, say, script, write } from "../tests/harness/scripts.ts";
import { startBusyLoops } from "./crowd/busy.ts";
import { type HealthReport, startHealthProbe } from "./crowd/health.ts";
import { openBrowser, startSwitching, type Switches } from "./crowd/page.ts";
import { requestsByRoute } from "./crowd/requests.ts";
import { coreTime, type Peak, readRuntime, watchPeaks } from "./machine.ts";
import { median, printRows, printTable, spread, type Spread } from "./table.ts";
import { Viewer } from "./viewer.ts";

const LONG = 20;
const SHORT = 30;
const LONG_TITLE = "Long";
const WAIT_TIMEOUT_MS = 1_200_000;
/** A shorter interval would use too much of a machine without spare capacity. */
const PEAKS_EVERY_MS = 1000;
const LINES_SHOWN = 10;
const MEBIBYTE = 1024 * 1024;

interface CrowdRun {
  /** The response time of each answered submission. */
  readonly answeredMs: readonly number[];
  readonly long: readonly TaskView[];
  readonly short: readonly TaskView[];
  /** From the first submission to the end of the last task. */
  readonly wholeMs: number;
  readonly health: HealthReport;
  readonly page: Switches;
  readonly peaks: readonly Peak[];
  /** workerd's figures since the installation was started. */
  readonly cores: Awaited<ReturnType<typeof coreTime>>;
  readonly requests: readonly Spread[];
  /** `samovar verify --all`: its exit code and its last line. */
  readonly verified: { readonly code: number | null; readonly line: string };
}

/** True when in every run all tasks completed without a warning, all transcripts verify, and the page worked to the end. */
export async function crowd(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: "string", default: "1" }, busy: { type: "string", default: "2" } },
  });
  const count = wholeNumber("runs", values.runs, 1);
  const busy = wholeNumber("busy", values.busy, 0);
  const runs: CrowdRun[] = [];
  for (let n = 1; n <= count; n++) {
    const run = await oneRun(busy);
    console.log(`\n--- run ${n} of ${count}: ${LONG + SHORT} tasks at once beside ${busy} busy loops`);
    report(run);
    runs.push(run);
  }
  summarise(runs);
  return runs.every(isGood);
}

function wholeNumber(name: string, given: string, least: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} is ${given}; give a whole number from ${least} on`);
}

/** Uses a new installation. */
async function oneRun(busy: number): Promise<CrowdRun> {
  const here = await startInstallation({ separateSession: true });
  try {
    const person = new Person(() => here);
    const project = await person.makeProject(makeRepository(join(here.dataDir, "repository")));
    const measured = await measureCrowd(here, person, project, busy);
    const requests = await requestsByRoute(here.dataDir);
    const { code, stdout, stderr } = await here.samovar(["verify", "--all"]);
    const line = `${stdout}${stderr}`.trim().split("\n").at(-1) ?? "";
    return { ...measured, requests, verified: { code, line } };
  } finally {
    await here.stop();
    await removeDirectory(here.dataDir);
  }
}

async function measureCrowd(
  here: Installation,
  person: Person,
  project: ProjectView,
  busy: number,
): Promise<Omit<CrowdRun, "requests" | "verified">> {
  const viewer = await Viewer.open(here, person, project);
  try {
    const browser = await openBrowser(here);
    try {
      const loops = startBusyLoops(busy);
      try {
        return await runCrowd(here, person, project, { viewer, browser });
      } finally {
        await loops.stop();
      }
    } finally {
      await browser.close();
    }
  } finally {
    viewer.close();
  }
}

async function runCrowd(
  here: Installation,
  person: Person,
  project: ProjectView,
  { viewer, browser }: { readonly viewer: Viewer; readonly browser: PersonsBrowser },
): Promise<Omit<CrowdRun, "requests" | "verified">> {
  const peaks = watchPeaks(here.dataDir, PEAKS_EVERY_MS);
  const probe = startHealthProbe(here.url);
  const startedAt = performance.now();
  const answeredMs: number[] = [];
  const submit = async (title: string, description: string) => {
    const task = await person.submit(project, { title, description, run: true, agent: "script" });
    answeredMs.push(performance.now() - startedAt);
    return task;
  };
  const long = Array.from({ length: LONG }, (_, n) => submit(`${LONG_TITLE} ${n}`, longTask(n)));
  const short = Array.from({ length: SHORT }, (_, n) =>
    submit(`Short ${n}`, script(`Short ${n}`, say(`Message of ${n}.`), write(`short-${n}.txt`, String(n)))),
  );
  const switching = startSwitching(browser, await Promise.any(long));
  const answers = await Promise.allSettled([...long, ...short]);
  for (const answer of answers)
    if (answer.status === "rejected") console.log(`a submission was not answered: ${errorMessage(answer.reason)}`);
  // A submission without an answer may have been stored all the same.
  const submitted = await person.tasks(project);
  await Promise.race([
    Promise.all(submitted.map((task) => viewer.ended(task))),
    setTimeout(WAIT_TIMEOUT_MS, undefined, { ref: false }),
  ]);
  const [page, health, seen] = await Promise.all([switching.stop(), probe.stop(), peaks.stop()]);
  const cores = await coreTime((await readRuntime(here.dataDir)) ?? Number.NaN);
  const tasks = await person.tasks(project);
  const isLong = ({ title }: TaskView) => title.startsWith(LONG_TITLE);
  const ends = tasks.map(({ endedAt }) => endedAt ?? Number.POSITIVE_INFINITY);
  return {
    answeredMs,
    long: tasks.filter(isLong),
    short: tasks.filter((task) => !isLong(task)),
    wholeMs: Math.max(...ends) - Math.min(...tasks.map(({ createdAt }) => createdAt)),
    health,
    page,
    peaks: seen,
    cores,
  };
}

interface Outcome {
  readonly completed: number;
  readonly warned: number;
  readonly agreed: number;
}

function getOutcome({ long, short }: CrowdRun): Outcome {
  const tasks = [...long, ...short];
  return {
    completed: tasks.filter(({ status }) => status === "completed").length,
    warned: tasks.filter(({ output }) => output !== null && output.warning !== null).length,
    agreed: tasks.filter(({ output }) => output?.transcript?.agreed === true).length,
  };
}

function isGood(run: CrowdRun): boolean {
  const { completed, warned } = getOutcome(run);
  return completed === LONG + SHORT && warned === 0 && run.verified.code === 0 && run.page.fault === null;
}

function report(run: CrowdRun): void {
  const { long, short, wholeMs, health, page, peaks, requests, verified } = run;
  const { completed, warned, agreed } = getOutcome(run);
  printRows(
    "tasks",
    ["completed", "warned", "agreed", "verify", "whole s"],
    [
      {
        name: `${LONG + SHORT} at once`,
        values: [completed, warned, agreed, verified.code ?? Number.NaN, wholeMs / 1000],
      },
    ],
  );
  console.log(`samovar verify --all: ${verified.line}`);
  printFaults([...long, ...short]);
  const startMs = (tasks: readonly TaskView[]) =>
    tasks.flatMap(({ startedAt, createdAt }) => (startedAt === null ? [] : [startedAt - createdAt]));
  const endMs = (tasks: readonly TaskView[]) =>
    tasks.flatMap(({ endedAt, createdAt }) => (endedAt === null ? [] : [endedAt - createdAt]));
  printTable("since submission, ms", [
    spread("answered", run.answeredMs),
    spread("long task in progress", startMs(long)),
    spread("short task in progress", startMs(short)),
    spread("long task ended", endMs(long)),
    spread("short task ended", endMs(short)),
  ]);
  printTable("while they ran, ms", [
    spread("GET /api/health", health.answeredMs),
    spread("the asking process, late by", health.lateMs),
    spread("chat → board", page.toBoardMs),
    spread("board → chat", page.toChatMs),
  ]);
  console.log(`the page showed the transcript after ${page.openedMs?.toFixed(0) ?? "…"} ms`);
  if (page.fault !== null) console.log(`the page went no further: ${page.fault}`);
  if (health.skipped > 0) console.log(`health not asked, with 20 requests unanswered: ${health.skipped} times`);
  printLines("health not answered", health.failures);
  printLines("the page complained", page.complaints);
  printTable("requests, ms in the control plane", requests);
  const asked = requests.reduce((sum, { count }) => sum + count, 0);
  console.log(
    `${asked} requests and ${health.answeredMs.length} of /api/health, ${perSecond(asked, wholeMs)} a second`,
  );
  const { usedMs, waitedMs } = run.cores;
  printRows(
    "workerd, s",
    ["on a core", "waited for one"],
    [{ name: "all threads", values: [usedMs / 1000, waitedMs / 1000] }],
    1,
  );
  printRows(
    "peak memory",
    ["processes", "one MiB", "all MiB"],
    peaks.map(({ kind, count, oneBytes, allBytes }) => ({
      name: kind,
      values: [count, oneBytes / MEBIBYTE, allBytes / MEBIBYTE],
    })),
  );
  console.log(`\nload of this machine, 1 min: ${(loadavg()[0] ?? 0).toFixed(1)}`);
}

function printFaults(tasks: readonly TaskView[]): void {
  const faults = tasks.flatMap(({ id, status, failure, output }) => {
    const why = [failure === null ? null : `${failure.code}: ${failure.message}`, output?.warning ?? null];
    const isFine = status === "completed" && why.every((each) => each === null);
    return isFine ? [] : [`${id} ${status}: ${why.filter((each) => each !== null).join(" ")}`];
  });
  printLines("not as it should be", faults);
}

function printLines(title: string, lines: readonly string[]): void {
  if (lines.length === 0) return;
  console.log(`${title}: ${lines.length}`);
  for (const line of lines.slice(0, LINES_SHOWN)) console.log(`  ${line}`);
}

const perSecond = (count: number, ms: number): string => ((count * 1000) / ms).toFixed(1);

function summarise(runs: readonly CrowdRun[]): void {
  const rows = runs.map((run, n) => {
    const { completed, warned, agreed } = getOutcome(run);
    const health = spread("", run.health.answeredMs);
    const { p50: board, max: boardMax } = spread("", run.page.toBoardMs);
    const { p50: chat, max: chatMax } = spread("", run.page.toChatMs);
    const outcome = [completed, warned, agreed, run.verified.code ?? Number.NaN, run.wholeMs / 1000];
    return {
      name: `run ${n + 1}`,
      values: [...outcome, health.p50, health.p99, health.max, board, boardMax, chat, chatMax],
    };
  });
  const columns = rows[0]?.values.map((_, column) => median(rows.map(({ values }) => values[column] ?? Number.NaN)));
  const middle = rows.length > 1 && columns !== undefined ? [{ name: "median", values: columns }] : [];
  const heads = [
    "completed",
    "warned",
    "agreed",
    "verify",
    "whole s",
    "health",
    "p99",
    "max",
    "board",
    "max",
    "chat",
    "max",
  ];
  printRows("summary, ms", heads, [...rows, ...middle]);
  console.log(runs.every(isGood) ? "\nall completed without a warning, and verify" : "\nnot all went well");
}
