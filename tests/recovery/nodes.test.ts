/** Nodes that are lost in the middle of a task, and nodes whose agent is of the previous version: a node a task, all at once. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { TaskView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { hasEnded } from "../harness/person.ts";
import { previousAgent } from "../harness/previous-agent.ts";
import { pidsMatching, listProcesses } from "../harness/processes.ts";
import { clearedFaults, leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, seededPlans, SEEDS, type Seeded } from "../harness/seeds.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

/** Longer than any limit of these runs: what stands still for so long will not end. */
const WAIT_TIMEOUT_MS = 60_000;
const AT_A_TIME = 10;

let site: Site;

beforeAll(async () => {
  const env = {
    NODE_SLOTS: "1",
    MAX_NODES_PER_USER: "40",
    // A daemon that is started anew while ten others are takes its time.
    NODE_UNREACHABLE_TIMEOUT_MS: "30000",
    NODE_WARM_TIMEOUT_MS: "600000",
  };
  site = await startSite(env);
});
afterAll(() => stopSite(site));

const servers = z.object({
  servers: z.array(z.object({ id: z.number(), name: z.string(), labels: z.record(z.string(), z.string()) })),
});

/** The provider's number of the server behind a task's node; null while there is none, or no more. */
async function getServer(task: TaskView): Promise<number | null> {
  const { nodeId } = await site.person.task(task);
  const node = (await site.person.nodes()).find(({ id }) => id === nodeId);
  const found = servers.parse(await site.here.cloud(`/servers?name=${node?.name ?? "none"}`));
  return found.servers[0]?.id ?? null;
}

/** When, counted from the moment that the task has come to a status. */
const moments = fc.record({
  status: fc.constantFrom("delegated" as const, "in_progress" as const, "in_progress" as const),
  afterMs: fc.integer({ min: 0, max: 1500 }),
});
const works = fc.record({ words: fc.integer({ min: 100, max: 3000 }), sleepMs: fc.integer({ min: 200, max: 4000 }) });

const getText = ({ words, sleepMs }: { readonly words: number; readonly sleepMs: number }) =>
  script(
    "Work",
    write("half.txt", "half"),
    say("Begun."),
    stream(words, 2),
    sh(`sleep ${sleepMs / 1000}`),
    say("Done."),
  );

const ORDER = ["draft", "ready", "queued", "delegated", "in_progress", "completed", "failed", "cancelled"];

interface Run<T> extends Seeded<T> {
  readonly name: string;
  readonly task: TaskView;
  /** What the task was just before the blow; null when it had ended by then. */
  readonly struckAt: TaskView["status"] | null;
}

/** Runs a task a seed, some at a time, and strikes each at its moment; answers them all as they ended. */
async function strikeAll<
  T extends {
    readonly when: { readonly status: TaskView["status"]; readonly afterMs: number };
    readonly work: { readonly words: number; readonly sleepMs: number };
  },
>(plans: readonly Seeded<T>[], strike: (task: TaskView, plan: T) => Promise<void>): Promise<Run<T>[]> {
  const waiting = [...plans];
  const runs: Run<T>[] = [];
  const work = async () => {
    for (let seeded = waiting.shift(); seeded !== undefined; seeded = waiting.shift()) {
      const { plan } = seeded;
      const submitted = await site.person.submit(site.project, {
        description: getText(plan.work),
        run: true,
        agent: "script",
      });
      const wanted = ORDER.indexOf(plan.when.status);
      await site.person.until(submitted, ({ status }) => ORDER.indexOf(status) >= wanted);
      await setTimeout(plan.when.afterMs);
      const now = await site.person.task(submitted);
      if (!hasEnded(now)) await strike(now, plan);
      const task = await site.person.until(submitted, hasEnded, WAIT_TIMEOUT_MS);
      runs.push({ ...seeded, name: formatSeed(seeded), task, struckAt: hasEnded(now) ? null : now.status });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  const names = runs.map(({ name, task }) => `${task.id}: ${name}`).join("\n");
  expect(
    await terminalFaults(
      site.person,
      runs.map(({ task }) => task),
    ),
    names,
  ).toEqual([]);
  return runs;
}

/** A message that was in flight is closed, and marked as cut off. */
async function expectClosed({ task, name }: Pick<Run<unknown>, "task" | "name">): Promise<void> {
  const messages = await site.person.messages(task);
  const open = messages.filter(({ final, interrupted }) => !final && !interrupted);
  expect(open, `${name} ${task.id}`).toEqual([]);
}

const losses = fc.record({
  how: fc.constantFrom("deleted", "powered off", "killed and deleted"),
  when: moments,
  work: works,
});

test("[R17] [F30] a node is lost during a task: the task moves to another node or fails with the reason, and its messages are kept", async () => {
  const runs = await strikeAll(seededPlans(losses, SEEDS), async (task, { how }) => {
    const server = await getServer(task);
    if (server === null) return;
    if (how === "killed and deleted")
      for (const { pid } of await listProcesses(join(site.here.dataDir, "vm", "vm", String(server))))
        if (pid !== site.here.process.pid) tryKill(pid);
    if (how === "powered off")
      await site.here.cloud(`/servers/${server}/actions/poweroff`, { method: "POST", body: {} });
    else await site.here.cloud(`/servers/${server}`, { method: "DELETE" });
  });
  for (const run of runs) {
    const { task, name, struckAt } = run;
    if (task.status !== "completed")
      expect(task, name).toMatchObject({ status: "failed", failure: { code: expect.stringMatching(/^node_/) } });
    if (struckAt === "in_progress" && task.status === "failed") await expectClosed(run);
  }
  expect(runs.filter(({ task }) => task.status === "failed").length).toBeGreaterThan(0);
});

const upgrades = fc.record({ when: moments, work: works });

test("[F48] a vm-agent of the previous version is asked to upgrade; its task fails with that reason, unless it had ended", async () => {
  const previous = await previousAgent();
  const runs = await strikeAll(seededPlans(upgrades, SEEDS), async (task) => {
    const server = await getServer(task);
    if (server === null) return;
    const disk = join(site.here.dataDir, "vm", "vm", String(server));
    writeFileSync(join(disk, "opt/samovar/vm-agent.cjs"), previous);
    for (const pid of await pidsMatching(disk, /vm-agent\.cjs daemon/)) tryKill(pid);
  });
  for (const run of runs) {
    const { task, name } = run;
    if (task.status !== "completed")
      expect(task, name).toMatchObject({ status: "failed", failure: { code: "node_outdated" } });
    if (task.status === "failed") await expectClosed(run);
  }
  expect(runs.filter(({ task }) => task.failure?.code === "node_outdated").length).toBeGreaterThan(0);
  expect(logged("link.outdated").length).toBeGreaterThan(0);
  const next = await site.person.submit(site.project, {
    description: script("Next", say("Hello.")),
    run: true,
    agent: "script",
  });
  expect(await site.person.until(next, hasEnded)).toMatchObject({ status: "completed" });
});

test("[R3] [R24] afterwards every transcript verifies, and nothing of the lost nodes is left", async () => {
  expect(await transcriptFaults(site.here)).toEqual([]);
  expect(await clearedFaults(site.here, site.person)).toEqual([]);
  expect(await leftOnMachine(site.here)).toEqual([]);
});

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has gone by itself.
  }
}

function logged(event: string): string[] {
  const directory = join(site.here.dataDir, "logs");
  return readdirSync(directory).flatMap((file) =>
    readFileSync(join(directory, file), "utf8")
      .split("\n")
      .filter((line) => line.includes(`"${event}"`)),
  );
}
