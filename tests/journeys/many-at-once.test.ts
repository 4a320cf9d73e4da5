/** More tasks at once than there are slots, many of them long and followed: each completes with a whole transcript. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, removeDirectory, startInstallation, parseTask } from "../harness/installation.ts";
import { Person } from "../harness/person.ts";
import { terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { makeRepository } from "../harness/repository.ts";
import { longTask, say, script, write } from "../harness/scripts.ts";

const LONG = 20;
const SHORT = 30;
let here: Installation;

beforeAll(async () => {
  here = await startInstallation();
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

test(
  "[R4] [R12] [R20] [R55] fifty at once on three slots a node and ten nodes, twenty of them with forty messages and a stream of 2,000 words: those without a slot wait in the queue, and all complete without a warning and verify",
  { timeout: 600_000 },
  async () => {
    const person = new Person(() => here);
    const repository = makeRepository(join(here.dataDir, "repository"));
    const project = await person.makeProject(repository);
    const followed = Array.from({ length: LONG }, (_, n) =>
      here.samovar(["run", "--json", "--repo", repository, "-"], { input: longTask(n) }),
    );
    const submitted = await Promise.all(
      Array.from({ length: SHORT }, (_, n) =>
        person.submit(project, {
          description: script(`Short ${n}`, say(`Message of ${n}.`), write(`short-${n}.txt`, String(n))),
          run: true,
          agent: "script",
        }),
      ),
    );
    const long = (await Promise.all(followed)).map(parseTask);
    const tasks = [...long, ...(await person.ended(project, submitted))];

    expect(await terminalFaults(person, tasks)).toEqual([]);
    expect(tasks.filter(({ status }) => status !== "completed")).toEqual([]);
    expect(tasks).toHaveLength(LONG + SHORT);
    expect(new Set(tasks.map(({ branch }) => branch)).size).toBe(LONG + SHORT);
    expect(tasks.map((task) => task.output?.transcript?.agreed)).toEqual(tasks.map(() => true));
    expect(tasks.map((task) => task.output?.warning)).toEqual(tasks.map(() => null));
    for (const task of long) expect(task.output?.transcript?.stored.count).toBeGreaterThanOrEqual(40);
    expect((await person.nodes()).length).toBeLessThanOrEqual(10);
    expect(await transcriptFaults(here)).toEqual([]);
  },
);
