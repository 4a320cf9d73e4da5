/**
 * Compares Samovar with doing the same by hand: the real Claude Code on a scripted model, alternately in a script and as
 * a task on a warm node, then as `samovar run`. `npm run bench -- byhand [--rounds N]`.
 */
import { rm } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ScriptedTurn, startScriptedMessagesApi } from "@samovar/testing";
import { removeDirectory, startInstallation, parseTask, temporaryDirectory } from "../tests/harness/installation.ts";
import { Person } from "../tests/harness/person.ts";
import { git, makeRepository } from "../tests/harness/repository.ts";
import { BY_HAND_MARKS, type ByHandMark } from "./by-hand/job.ts";
import { buildParallel, CHAIN, buildChain, sinceCreated, type Sources, unlogged } from "./by-hand/marks.ts";
import { type ByHandOptions, type ByHandRun, runByHand } from "./by-hand/person.ts";
import { requireCompleted, runTask, type TaskRunner, untilWarm } from "./by-hand/task.ts";
import { measureWarmStart } from "./start.ts";
import { median, printRows, printTable, spread } from "./table.ts";
import { Viewer } from "./viewer.ts";

const KEY = "sk-ant-scripted-key-of-the-bench";
const FILES = { "README.md": "# Tea\n", "src/tea.ts": "export const minutes = 4;\n" };
const MADE = "hello.txt";
const TURNS: readonly ScriptedTurn[] = [
  {
    text: "I will write the file.",
    toolUse: { name: "Write", input: { file_path: MADE, content: "hello tea\n" } },
  },
  { text: "It is written." },
];

interface Round {
  readonly byHand: ByHandRun;
  readonly task: Sources;
  /** `samovar run`, from the start of its process to its end. */
  readonly commandMs: number;
}

export async function measureByHand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: "string", default: "5" } } });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds is ${values.rounds}; give a whole number`);
  const model = await startScriptedMessagesApi({ apiKey: KEY, turns: TURNS });
  const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: KEY, LOG_LEVEL: "debug" };
  const here = await startInstallation({ env });
  const directory = await temporaryDirectory("samovar-by-hand-");
  try {
    const repository = makeRepository(join(here.dataDir, "repository"), FILES);
    const byHand = { here, repository, model: { url: model.url, key: KEY }, directory };
    report(await measureRounds(byHand, rounds));
    const started = await measureWarmStart(here, repository);
    printTable("script agent, ms", [spread("submit → running, warm", started)]);
    console.log(`\nload of this machine, 1 min: ${(loadavg()[0] ?? 0).toFixed(1)}`);
  } finally {
    await here.stop();
    await model.close();
    await removeDirectory(here.dataDir);
    await removeDirectory(directory);
  }
}

/** One unmeasured run of each: installs the agent, creates the node, and warms the disk cache. */
async function measureRounds(options: ByHandOptions, count: number): Promise<Round[]> {
  const { here, repository } = options;
  const person = new Person(() => here);
  const project = await person.makeProject(repository);
  const viewer = await Viewer.open(here, person, project);
  const runner = { here, person, project, viewer };
  try {
    await runTask(runner, "Warm up");
    await byHandOnce(options, "warm-up");
    await commandOnce(runner, repository, "Warm up the command");
    const rounds: Round[] = [];
    for (let n = 1; n <= count; n++) {
      const byHand = await byHandOnce(options, `round-${n}`);
      const task = await runTask(runner, `Greet in round ${n}`);
      requireMade(repository, task.task.branch);
      const commandMs = await commandOnce(runner, repository, `Greet by command in round ${n}`);
      rounds.push({ byHand, task, commandMs });
    }
    return rounds;
  } finally {
    viewer.close();
  }
}

async function byHandOnce(options: ByHandOptions, name: string): Promise<ByHandRun> {
  const run = await runByHand(options, name, `Greet by hand: ${name}`);
  requireMade(options.repository, `by-hand/${name}`);
  await rm(join(options.directory, name), { recursive: true });
  return run;
}

async function commandOnce({ here, person }: TaskRunner, repository: string, description: string): Promise<number> {
  const startedAt = performance.now();
  const finished = await here.samovar(["run", "--json", "--agent", "claude", "--repo", repository, description]);
  const tookMs = performance.now() - startedAt;
  const task = parseTask(finished);
  requireCompleted(task);
  requireMade(repository, task.branch);
  await untilWarm(here, person);
  return tookMs;
}

/** Both ways must end with the same file on a pushed branch. */
function requireMade(repository: string, branch: string | null): void {
  git(repository, "show", `${branch}:${MADE}`);
}

function report(rounds: readonly Round[]): void {
  const hand = (from: ByHandMark, to: ByHandMark) => rounds.map(({ byHand }) => between(byHand, from, to));
  const tasks = rounds.map(({ task }) => task);
  const endedMs = tasks.map(({ task }) => (task.endedAt ?? Number.NaN) - task.createdAt);
  const storedMs = tasks.map(({ firstStoredAt, task }) => (firstStoredAt ?? Number.NaN) - task.createdAt);
  const runningMs = tasks.map(({ task }) => (task.startedAt ?? Number.NaN) - task.createdAt);
  const commandMs = rounds.map((round) => round.commandMs);
  const compared: readonly Compared[] = [
    ["start → first message | submit → first message stored", hand("started", "first message"), storedMs],
    ["start → first update | submit → task in progress", hand("started", "first update"), runningMs],
    ["start → pushed | submit → task completed", hand("started", "pushed"), endedMs],
    ["whole process: the script | samovar run", rounds.map(({ byHand }) => byHand.wholeMs), commandMs],
  ];
  console.log(`\n${rounds.length} rounds; each figure is a median, then the least and the most`);
  printCompared("by hand | Samovar, ms", compared);
  printRatios(compared);
  printCompared("the agent's own time, ms", agentsShare(rounds, hand));
  printParts(rounds);
}

type Compared = readonly [name: string, byHand: readonly number[], samovar: readonly number[]];

function printCompared(title: string, rows: readonly Compared[]): void {
  const heads = ["by hand", "min", "max", "Samovar", "min", "max"];
  const figures = rows.map(([name, hand, samovar]) => ({ name, values: [...takeThree(hand), ...takeThree(samovar)] }));
  printRows(title, heads, figures);
}

function printRatios(rows: readonly Compared[]): void {
  const ratios = rows.map(([name, hand, samovar]) => ({
    name,
    values: takeThree(samovar.map((ms, n) => ms / (hand[n] ?? Number.NaN))),
  }));
  printRows("Samovar ÷ by hand, pair by pair", ["median", "min", "max"], ratios, 2);
}

/** The time that the agent takes in both; the rest is overhead. */
function agentsShare(rounds: readonly Round[], hand: (from: ByHandMark, to: ByHandMark) => number[]): Compared[] {
  const samovar = (from: string, to: string) => {
    const at = (name: string, sources: Sources) =>
      CHAIN.filter((each) => each.name === name).map((each) => sinceCreated(each, sources))[0] ?? Number.NaN;
    return rounds.map(({ task }) => at(to, task) - at(from, task));
  };
  return [
    ["spawned → initialized", hand("spawned", "initialized"), samovar(AGENT.spawned, AGENT.initialized)],
    ["→ session opened", hand("initialized", "session opened"), samovar(AGENT.initialized, AGENT.opened)],
    ["→ prompt sent", hand("session opened", "prompted"), samovar(AGENT.opened, AGENT.prompted)],
    ["→ first update", hand("prompted", "first update"), samovar(AGENT.prompted, AGENT.updated)],
    ["→ answer", hand("first update", "answered"), samovar(AGENT.updated, AGENT.answered)],
    ["→ agent gone", hand("answered", "stopped"), samovar(AGENT.answered, AGENT.exited)],
  ];
}

const AGENT = {
  spawned: "start: agent spawned",
  initialized: "start: agent initialized",
  opened: "start: session opened",
  prompted: "start: prompt sent",
  updated: "work: first update",
  answered: "work: agent answered",
  exited: "work: agent exited",
} as const;

function printParts(rounds: readonly Round[]): void {
  const steps = BY_HAND_MARKS.slice(1).map((to, n) => {
    const at = rounds.map(({ byHand }) => between(byHand, "started", to));
    const took = rounds.map(({ byHand }) => between(byHand, BY_HAND_MARKS[n] ?? "started", to));
    return { name: to, values: [median(at), ...takeThree(took)] };
  });
  printRows("by hand, ms by part", ["at", "took", "min", "max"], steps);
  const tasks = rounds.map(({ task }) => task);
  const parts = buildChain(tasks).map(({ name, at, took }) => ({ name, values: [median(at), ...takeThree(took)] }));
  printRows("Samovar, ms by part", ["at", "took", "min", "max"], parts);
  const beside = buildParallel(tasks).map(({ name, at }) => ({ name, values: takeThree(at) }));
  printRows("beside these, ms since submission", ["at", "min", "max"], beside);
  for (const name of unlogged(tasks)) console.log(`nothing was logged of: ${name}`);
}

const between = ({ marks }: ByHandRun, from: ByHandMark, to: ByHandMark): number => marks[to] - marks[from];

/** Median, minimum and maximum. */
const takeThree = (values: readonly number[]): number[] => [median(values), Math.min(...values), Math.max(...values)];
