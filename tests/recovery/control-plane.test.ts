/** The control plane dies again and again, at any moment of many runs: all of them go on and complete. */
import { setTimeout } from "node:timers/promises";
import type { TaskView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killAndRestart } from "../harness/control-plane.ts";
import { clearedFaults, leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { git } from "../harness/repository.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, seededPlans, SEEDS } from "../harness/seeds.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

/** Longer than any limit of these runs: what stands still for so long will not end. */
const WAIT_TIMEOUT_MS = 60_000;
const ENV = { NODE_SLOTS: "8", MAX_NODES_PER_USER: "3", NODE_WARM_TIMEOUT_MS: "600000" };

let site: Site;

beforeAll(async () => {
  site = await startSite(ENV);
});
afterAll(() => stopSite(site));

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
        task: await site.person.submit(site.project, { description, run: true, agent: "script" }),
      });
    };
    const submitted = Promise.all(plan.works.map((work, n) => submit(n, work)));
    if (plan.submitting) late.push(submitted);
    else await submitted;
    await setTimeout(plan.afterMs);
    site.here = await killAndRestart(site.here, plan.part, ENV);
  }
  await Promise.all(late);
  const tasks = await site.person.ended(
    site.project,
    runs.map(({ task }) => task),
    WAIT_TIMEOUT_MS,
  );
  expect(
    await terminalFaults(site.person, tasks),
    runs.map(({ name, task }) => `${task.id}: ${name}`).join("\n"),
  ).toEqual([]);
  expect((await site.person.tasks(site.project)).length, "none was made twice").toBe(runs.length);
  for (const { name, file, task } of runs) {
    const ended = tasks.find(({ id }) => id === task.id);
    expect(ended, name).toMatchObject({ status: "completed", output: { transcript: { agreed: true } } });
    expect(git(site.remote, "show", `${ended?.output?.branch}:${file}`), name).toBe("done");
  }
});

test("[R3] [R24] afterwards every transcript verifies, and nothing is left", async () => {
  expect(await transcriptFaults(site.here)).toEqual([]);
  expect(await clearedFaults(site.here, site.person)).toEqual([]);
  expect(await leftOnMachine(site.here)).toEqual([]);
});
