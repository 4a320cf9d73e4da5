import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, removeDirectory, startInstallation, taskOf } from "../harness/installation.ts";
import { Person } from "../harness/person.ts";
import { terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { makeRepository } from "../harness/repository.ts";
import { say, script, write } from "../harness/scripts.ts";

const TASKS = 20;
let here: Installation;

beforeAll(async () => {
  here = await startInstallation();
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

test(
  "[R4] [R20] twenty tasks at once, each with forty messages and a stream of 2,000 words, all complete and verify",
  { timeout: 600_000 },
  async () => {
    const repository = makeRepository(join(here.dataDir, "repository"));
    // The project exists first, so that twenty submissions do not race to make it.
    await here.samovar(["run", "--backlog", "--json", "--repo", repository, "Later"]);
    const steps = Array.from(
      { length: 19 },
      (_, i) => `\`\`\`say\nMessage ${i}\n\`\`\`\n\n\`\`\`sh\necho ${i}\n\`\`\`\n`,
    ).join("\n");
    const text = (n: number) =>
      `Task ${n}\n\n${steps}\n\`\`\`stream 2000\n\`\`\`\n\n\`\`\`write task-${n}.txt\n${n}\n\`\`\`\n`;
    const runs = Array.from({ length: TASKS }, (_, n) =>
      here.samovar(["run", "--json", "--repo", repository, "-"], { input: text(n) }),
    );
    const tasks = (await Promise.all(runs)).map(taskOf);

    expect(tasks.map((task) => task.status)).toEqual(Array.from({ length: TASKS }, () => "completed"));
    expect(tasks.map((task) => task.output?.transcript?.agreed)).toEqual(Array.from({ length: TASKS }, () => true));
    for (const task of tasks) expect(task.output?.transcript?.stored.count).toBeGreaterThanOrEqual(40);
    const verified = await here.samovar(["verify", "--all"]);
    expect(verified.stdout + verified.stderr).not.toMatch(/disagree|missing/i);
    expect(verified.code).toBe(0);
  },
);

test(
  "[R12] [R20] fifty at once on three slots a node and ten nodes: those without room wait their turn, and all complete",
  { timeout: 600_000 },
  async () => {
    const person = new Person(() => here);
    const project = await person.makeProject(makeRepository(join(here.dataDir, "fifty")), "fifty");
    const submit = (n: number) => {
      const description = script(`Task ${n}`, say(`Message of ${n}.`), write(`task-${n}.txt`, String(n)));
      return person.submit(project, { description, run: true, agent: "script" });
    };
    const submitted = await Promise.all(Array.from({ length: 50 }, (_, n) => submit(n)));
    const tasks = await person.ended(project, submitted, 300_000);

    expect(await terminalFaults(person, tasks)).toEqual([]);
    expect(tasks.filter(({ status }) => status !== "completed")).toEqual([]);
    expect(tasks).toHaveLength(50);
    expect(new Set(tasks.map(({ branch }) => branch)).size).toBe(50);
    expect((await person.nodes()).length).toBeLessThanOrEqual(10);
    expect(await transcriptFaults(here)).toEqual([]);
  },
);
