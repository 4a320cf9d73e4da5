/**
 * Each part of the system is stopped and continued, as a laptop that sleeps or a machine without CPU would: at any stage of a
 * run, for longer than the limits that watch over it, and sometimes killed before it could go on. Only time is lost.
 */
import { setTimeout } from "node:timers/promises";
import { isLong } from "@samovar/testing";
import type { RunStep, TaskView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { recordedRuntime } from "../harness/control-plane.ts";
import { hasEnded } from "../harness/person.ts";
import { isAlive, pidsMatching } from "../harness/processes.ts";
import { terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { git } from "../harness/repository.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, type Seeded, seededPlans } from "../harness/seeds.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

/** The limits on the silence of others; a pause is at least twice as long. */
const SHORT_LIMITS = { AGENT_IDLE_TIMEOUT_MS: "1500", DRAIN_TIMEOUT_MS: "1500" };
const PAUSES_MS = isLong ? [5_000, 20_000, 60_000] : [3_000];
const SEEDS_A_PART = isLong ? 4 : 1;
const ENDED_WITHIN_MS = 280_000;

const PARTS = {
  workerd: null,
  cli: null,
  daemon: /vm-agent\.cjs daemon/,
  host: /vm-agent\.\w+ session-host/,
  agent: /vm-agent\.\w+ script-agent/,
} as const;
type Part = keyof typeof PARTS;

const getPause = fc.record({
  stage: fc.constantFrom<RunStep>("choose", "prepare", "start", "work", "finish"),
  pauseMs: fc.constantFrom(...PAUSES_MS),
  /** Those that others start again: they are killed instead of continued. */
  killed: fc.boolean(),
});
type Pause = { readonly part: Part } & (typeof getPause extends fc.Arbitrary<infer T> ? T : never);

const PLANS = (["workerd", "cli", "daemon", "host", "agent"] as const).flatMap((part) =>
  seededPlans(
    getPause.map((pause) => ({ part, ...pause })),
    SEEDS_A_PART,
  ),
);

let site: Site;

beforeAll(async () => {
  site = await startSite(SHORT_LIMITS);
});
afterAll(() => stopSite(site));

const description = (file: string) =>
  script("Work", say("Begun."), stream(300, 2), sh("sleep 0.5"), write(file, "done"), say("Done."));

const submit = (file: string): Promise<TaskView> =>
  site.person.submit(site.project, { description: description(file), run: true, agent: "script" });

/** Of the part that the task needs now, as soon as there is one. Empty when the task has ended first. */
async function processesOfPart(part: Part, task: TaskView): Promise<number[]> {
  if (part === "workerd") return [await recordedRuntime(site.here)];
  if (part === "cli") return [site.here.process.pid ?? 0];
  for (;;) {
    const pids = await pidsMatching(site.here.dataDir, PARTS[part]);
    if (pids.length > 0 || hasEnded(await site.person.task(task))) return pids;
  }
}

/** Resolves when the run has come to the stage, or has ended. */
async function reached(stage: RunStep, task: TaskView): Promise<void> {
  for (;;) {
    const events = await site.person.events(task);
    if (events.some(({ kind, data }) => kind === "step.started" && data["step"] === stage)) return;
    if (hasEnded(await site.person.task(task))) return;
  }
}

async function suffer({ part, stage, pauseMs, killed }: Pause, task: TaskView): Promise<void> {
  await reached(stage, task);
  const pids = await processesOfPart(part, task);
  for (const pid of pids) signal(pid, "SIGSTOP");
  await setTimeout(pauseMs);
  const isStartedAgain = part === "workerd" || part === "daemon";
  for (const pid of pids) signal(pid, killed && isStartedAgain ? "SIGKILL" : "SIGCONT");
  if (killed && isStartedAgain) for (const pid of pids) await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has left meanwhile.
  }
}

async function findFaults({ plan, seed }: Seeded<Pause>): Promise<string[]> {
  const file = `${plan.part}-${seed}.txt`;
  const task = await submit(file);
  await suffer(plan, task);
  const ended = await site.person.until(task, hasEnded, ENDED_WITHIN_MS);
  const { status, failure, output } = ended;
  if (status !== "completed") return [`${status}: ${failure?.message}`];
  if (output?.warning !== null) return [`a warning: ${output?.warning}`];
  return [
    ...(output.transcript?.agreed === true ? [] : [`a transcript that does not agree`]),
    ...(git(site.remote, "show", `${ended.branch}:${file}`) === "done" ? [] : [`another content of ${file}`]),
    ...(await terminalFaults(site.person, [ended])),
  ];
}

test.each(PLANS.map((seeded) => [formatSeed(seeded), seeded] as const))(
  "[R55] [R21] loses only time: %s",
  { timeout: ENDED_WITHIN_MS + 120_000 },
  async (_, seeded) => {
    expect(await findFaults(seeded)).toEqual([]);
  },
);

test("[M1] afterwards every transcript equals what was sent", async () => {
  expect(await transcriptFaults(site.here)).toEqual([]);
});
