/** The control plane dies again and again, at any moment of many runs: all of them go on and complete. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { ProjectView, TaskView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAndRestart } from "../harness/control-plane.ts";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { Person } from "../harness/person.ts";
import { listProcesses } from "../harness/processes.ts";
import { clearedFaults, leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { git, makeRemote } from "../harness/repository.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, seededPlans, SEEDS } from "../harness/seeds.ts";

/** Longer than any limit of these runs: what stands still for so long will not end. */
const PATIENCE_MS = 60_000;
const ENV = { NODE_SLOTS: "8", MAX_NODES_PER_USER: "3", NODE_WARM_TIMEOUT_MS: "600000" };

let here: Installation;
let person: Person;
let project: ProjectView;
let remote: string;

beforeAll(async () => {
  here = await startInstallation({ env: ENV });
  person = new Person(() => here);
  remote = makeRemote(join(here.dataDir, "remote.git"));
  project = await person.makeProject(remote);
});

afterAll(async () => {
  await here.stop();
  const left = await listProcesses(here.dataDir);
  await removeDirectory(here.dataDir);
  expect(left).toEqual([]);
});

const deaths = fc.record({
  works: fc.array(fc.record({ words: fc.integer({ min: 0, max: 1500 }), sleepMs: fc.integer({ min: 0, max: 3000 }) }), {
    minLength: 1,
    maxLength: 2,
  }),
  part: fc.constantFrom("workerd" as const, "cli" as const, "both" as const),
  /** From the last submission to the blow. */
  afterMs: fc.integer({ min: 0, max: 1500 }),
  /** The submission is under way when the blow falls. */
  submitting: fc.boolean(),
});

test("[R21] [F7] [F11] the control plane is killed and restarted repeatedly while tasks run, and each task completes once without loss", async () => {
  const runs: { readonly name: string; readonly file: string; readonly task: TaskView }[] = [];
  const late: Promise<unknown>[] = [];
  for (const seeded of seededPlans(deaths, SEEDS)) {
    const { plan, seed } = seeded;
    const submit = async (n: number, { words, sleepMs }: (typeof plan.works)[number]) => {
      const file = `seed-${seed}-${n}.txt`;
      const steps = [
        say("Begun."),
        ...(words === 0 ? [] : [stream(words, 1)]),
        sh(`sleep ${sleepMs / 1000}`),
        write(file, "done"),
      ];
      const description = script("Work", ...steps);
      runs.push({
        name: formatSeed(seeded),
        file,
        task: await person.submit(project, { description, run: true, agent: "script" }),
      });
    };
    const submitted = Promise.all(plan.works.map((work, n) => submit(n, work)));
    if (plan.submitting) late.push(submitted);
    else await submitted;
    await setTimeout(plan.afterMs);
    here = await killAndRestart(here, plan.part, ENV);
  }
  await Promise.all(late);
  const tasks = await person.ended(
    project,
    runs.map(({ task }) => task),
    PATIENCE_MS,
  );
  expect(await terminalFaults(person, tasks), runs.map(({ name, task }) => `${task.id}: ${name}`).join("\n")).toEqual(
    [],
  );
  expect((await person.tasks(project)).length, "none was made twice").toBe(runs.length);
  for (const { name, file, task } of runs) {
    const ended = tasks.find(({ id }) => id === task.id);
    expect(ended, name).toMatchObject({ status: "completed", output: { transcript: { agreed: true } } });
    expect(git(remote, "show", `${ended?.output?.branch}:${file}`), name).toBe("done");
  }
});

test("[R3] [R24] afterwards every transcript verifies, and nothing is left", async () => {
  expect(await transcriptFaults(here)).toEqual([]);
  expect(await clearedFaults(here, person)).toEqual([]);
  expect(await leftOnMachine(here)).toEqual([]);
});
