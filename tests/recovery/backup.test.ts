/** A running installation is backed up with tasks in flight and restored elsewhere: the copy is sound, the original undisturbed. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TaskView } from "@samovar/contracts";
import { inSeries } from "@samovar/testing";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type Installation,
  removeDirectory,
  samovar,
  startInstallation,
  temporaryDirectory,
} from "../harness/installation.ts";
import { Person } from "../harness/person.ts";
import { leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

const TASKS = inSeries({ short: 9, long: 50 });
/** Tasks wait for a file of the test, so they have its user. */
const ENV = {
  WORKSPACE_USERS: "shared",
  NODE_SLOTS: "4",
  MAX_NODES_PER_USER: String(inSeries({ short: 1, long: 6 })),
  NODE_WARM_TIMEOUT_MS: "600000",
};
/** Longer than any limit of these runs: what stands still for so long will not end. */
const WAIT_TIMEOUT_MS = 60_000;

let site: Site;
let copy: Installation | null = null;
let directory = "";
let tasks: TaskView[] = [];
let finished: TaskView;

beforeAll(async () => {
  directory = await temporaryDirectory();
  site = await startSite(ENV);
});
afterAll(async () => {
  await copy?.stop();
  await stopSite(site);
  await removeDirectory(directory);
});

test(`[R53] [T1] ${TASKS} tasks in flight are backed up while they run; restored, they have failed with the reason and every transcript verifies`, async () => {
  const { here, person, project } = site;
  const gate = join(directory, "gate");
  const submit = (n: number) => {
    const waits = sh(`while [ ! -e ${gate} ]; do sleep 0.2; done`);
    const description = script(`Brew ${n}`, say("Begun."), stream(200, 2), waits, write(`tea-${n}.txt`, String(n)));
    return person.submit(project, { description, run: true, agent: "script" });
  };
  const early = await person.submit(project, {
    description: script("First", say("Done.")),
    run: true,
    agent: "script",
  });
  [finished] = (await person.ended(project, [early], WAIT_TIMEOUT_MS)) as [TaskView];
  tasks = await Promise.all(Array.from({ length: TASKS }, (_, n) => submit(n)));
  const [first] = tasks;
  if (first === undefined) throw new Error("there are tasks");
  await person.until(first, ({ status }) => status === "in_progress", WAIT_TIMEOUT_MS);

  const file = join(directory, "backup.tar.gz");
  const backup = await here.samovar(["backup", file, "--json"]);
  expect(backup.code, backup.stderr).toBe(0);
  console.log(`backup with ${TASKS} tasks in flight: ${backup.stdout.trim()}`);
  // The original goes on, and completes what the copy will give up.
  writeFileSync(gate, "");

  const dataDir = join(directory, "copy");
  const restored = await samovar(["restore", file, "--data-dir", dataDir]);
  expect(restored.stdout, restored.stderr).toContain("It is a copy with a new identity");
  copy = await startInstallation({ dataDir, port: 0, env: ENV });
  const there = copy;
  const other = new Person(() => there);
  const ended = await other.ended(project, tasks, WAIT_TIMEOUT_MS);
  expect(ended).toHaveLength(TASKS);
  for (const task of ended) expect(task).toMatchObject({ status: "failed", failure: { code: "restored" } });
  expect(await terminalFaults(other, ended)).toEqual([]);
  expect(await other.task(finished)).toMatchObject({ status: "completed", output: finished.output });
  expect(await transcriptFaults(there)).toEqual([]);
  expect((await there.samovar(["verify", "--all"])).code).toBe(0);
  // The nodes of the original are not the copy's: none is left in its list, and none was made for the old tasks.
  await vi.waitFor(async () => expect((await other.nodes()).filter(({ state }) => state !== "destroyed")).toEqual([]));
  expect(await leftOnMachine(there)).toEqual([]);
});

test("[R53] the original has lost nothing, and the copy takes new tasks", async () => {
  const there = copy;
  if (there === null) throw new Error("the copy runs");
  const { person, project } = site;
  const done = await person.ended(project, tasks, WAIT_TIMEOUT_MS);
  for (const task of done)
    expect(task).toMatchObject({ status: "completed", output: { transcript: { agreed: true } } });
  expect(await terminalFaults(person, done)).toEqual([]);
  expect(await transcriptFaults(site.here)).toEqual([]);

  const other = new Person(() => there);
  const [first] = tasks;
  if (first === undefined) throw new Error("there are tasks");
  const fresh = await other.submit(project, { description: script("New", say("Hot.")), run: true, agent: "script" });
  // Its work is pushed to the branch that the original made, from the same base: that is refused, and nothing of it is lost.
  const again = await other.act(first, "retry");
  const [one] = await other.ended(project, [fresh], WAIT_TIMEOUT_MS);
  expect(one).toMatchObject({ status: "completed", output: { transcript: { agreed: true } } });
  await other.ended(project, [again], WAIT_TIMEOUT_MS);
  expect(await transcriptFaults(there)).toEqual([]);
});

test("[R53] an installation that is stopped is backed up too, and restored in its place", async () => {
  const there = copy;
  if (there === null) throw new Error("the copy runs");
  await there.stop();
  const file = join(directory, "stopped.tar.gz");
  const backup = await there.samovar(["backup", file]);
  expect(backup.code, backup.stderr).toBe(0);
  expect(backup.stdout).toContain("Samovar was paused for 0 ms.");
  expect(existsSync(join(there.dataDir, "lock"))).toBe(false);
  const dataDir = join(directory, "heir");
  expect((await samovar(["restore", file, "--data-dir", dataDir, "--take-over"])).code).toBe(0);
  copy = await startInstallation({ dataDir, port: 0, env: ENV });
  expect(await transcriptFaults(copy)).toEqual([]);
});
