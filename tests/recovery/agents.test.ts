/** Agents that crash, hang, fork, flood or never stop, and remotes that say no: many at once on one installation. */
import type { TaskView, WorkspaceView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listSessionProcesses } from "../harness/processes.ts";
import { clearedFaults, leftOnMachine, terminalFaults, transcriptFaults } from "../harness/promises.ts";
import { git } from "../harness/repository.ts";
import { crash, hang, say, script, sh, stream, write } from "../harness/scripts.ts";
import { formatSeed, seededPlans, SEEDS, type Seeded } from "../harness/seeds.ts";
import { type Site, startSite, stopSite } from "../harness/site.ts";

/** Longer than any limit of these runs: what stands still for so long will not end. */
const WAIT_TIMEOUT_MS = 60_000;
/** Small, and still larger than what a busy machine takes for a healthy task of these. */
// The plays change the remote, as a person does, so they have the person's user.
const LIMITS = { WORKSPACE_USERS: "shared", AGENT_IDLE_TIMEOUT_MS: "8000", TASK_MAX_DURATION_MS: "24000" };

/** Refuses a push whose tree has `refuse.txt`, in the manner that is written there. */
const REFUSING_HOOK = `#!/bin/sh
while read -r _ new _; do
  case "$(git show "$new:refuse.txt" 2>/dev/null)" in
    "") ;;
    silent) exit 1 ;;
    slow) sleep 1; echo "not today" >&2; exit 3 ;;
    loud) seq 1 5000 >&2; exit 1 ;;
    killed) kill -9 $$ ;;
  esac
done
`;

let site: Site;

beforeAll(async () => {
  site = await startSite({ ...LIMITS, NODE_SLOTS: "24", MAX_NODES_PER_USER: "4" }, { "pre-receive": REFUSING_HOOK });
});
afterAll(() => stopSite(site));

interface Ended<T> {
  readonly name: string;
  readonly plan: T;
  readonly task: TaskView;
  readonly workspace: WorkspaceView | null;
}

/** Runs a task a seed, all at once; answers what is true of them when all have ended, and checks what is promised for each. */
async function runAll<T>(
  plans: readonly Seeded<T>[],
  text: (plan: T) => string,
  also: (task: TaskView, plan: T) => Promise<void> = () => Promise.resolve(),
): Promise<Ended<T>[]> {
  const runs = await Promise.all(
    plans.map(async (seeded) => {
      const description = text(seeded.plan);
      const draft = await site.person.submit(site.project, { description, run: false, agent: "script" });
      return { ...seeded, name: formatSeed(seeded), task: draft };
    }),
  );
  await Promise.all(
    runs.map(async ({ task, plan }) => {
      const run = await site.person.act(task, "run");
      await also(run, plan);
    }),
  );
  const tasks = await site.person.ended(
    site.project,
    runs.map(({ task }) => task),
    WAIT_TIMEOUT_MS,
  );
  expect(
    await terminalFaults(site.person, tasks),
    runs.map(({ name, task }) => `${task.id}: ${name}`).join("\n"),
  ).toEqual([]);
  const workspaces = await site.person.workspaces();
  return runs.map(({ name, plan, task }) => ({
    name,
    plan,
    task: tasks.find(({ id }) => id === task.id) ?? task,
    workspace: workspaces.find(({ taskId }) => taskId === task.id) ?? null,
  }));
}

/** Processes that an agent has left behind, by the mark that each of them carries. */
async function left(task: TaskView): Promise<string[]> {
  return (await listSessionProcesses(site.here.dataDir, task.sessionId)).map(({ command }) => command);
}

const crashes = fc.record({
  words: fc.integer({ min: 0, max: 500 }),
  how: fc.oneof(
    fc.constant("crash" as const),
    fc.constantFrom("KILL", "SEGV", "TERM").map((signal) => ({ signal, within: "tool" as const })),
    fc.constantFrom("KILL", "ABRT").map((signal) => ({ signal, within: "stream" as const })),
  ),
});

test("[R17] [F39] a crashed agent is restarted and resumes; after a second crash its task fails with the stderr tail, and its workspace is retained", async () => {
  const ended = await runAll(seededPlans(crashes, SEEDS), ({ words, how }) => {
    const before = [write("half.txt", "half"), ...(words === 0 ? [] : [stream(words)])];
    if (how === "crash") return script("Crash", ...before, crash("the kettle is empty"));
    if (how.within === "tool") return script("Die", ...before, sh(`kill -${how.signal} $PPID; sleep 60`));
    return script(
      "Die",
      ...before,
      sh(`a=$PPID; setsid sh -c "sleep 0.5; kill -${how.signal} $a" & sleep 0.2`),
      stream(2000, 5),
    );
  });
  for (const { name, plan, task, workspace } of ended) {
    const mayGoOn = plan.how !== "crash" && plan.how.within === "stream";
    if (mayGoOn && task.status === "completed") {
      // Killed after the step that kills, it went on; within that step, taken up again, it is killed again.
      expect(task, name).toMatchObject({ failure: null, output: { restarts: 1 } });
      expect(await left(task), name).toEqual([]);
      continue;
    }
    expect(task, name).toMatchObject({ status: "failed", failure: { code: "agent_crashed" } });
    if (plan.how === "crash") expect(task.failure?.message, name).toContain("the kettle is empty");
    else expect(task.failure?.message, name).toMatch(new RegExp(`${plan.how.signal}|exit code`));
    expect(workspace?.state, name).toBe("retained");
    expect(await left(task), name).toEqual([]);
  }
});

const FORKS = (count: number, ignoring: boolean, escape: boolean) =>
  `for i in $(seq ${count}); do ${escape ? "setsid " : ""}sh -c '${ignoring ? 'trap "" TERM INT HUP; ' : ""}while :; do sleep 1; done' & done; sleep 0.2`;

const hangs = fc.record({
  forks: fc.integer({ min: 0, max: 6 }),
  ignoring: fc.boolean(),
  escape: fc.boolean(),
  flood: fc.constantFrom("none", "stream", "tool"),
  end: fc.constantFrom("hangs", "ends", "is cancelled"),
  cancelAfterMs: fc.integer({ min: 0, max: 2500 }),
});

test("[R16] [R18] [F40] agents that hang, fork processes that ignore signals, or flood end as specified, and leave nothing behind", async () => {
  const ended = await runAll(
    seededPlans(hangs, SEEDS),
    ({ forks, ignoring, escape, flood, end }) =>
      script(
        "Misbehave",
        ...(forks === 0 ? [] : [sh(FORKS(forks, ignoring, escape))]),
        ...(flood === "stream" ? [stream(40_000)] : []),
        ...(flood === "tool" ? [sh("yes 'the kettle boils over' | head -c 10000000")] : []),
        end === "ends" ? say("Done.") : hang(),
      ),
    async (task, { end, cancelAfterMs }) => {
      if (end !== "is cancelled") return;
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, cancelAfterMs);
      await promise;
      await site.person.act(task, "cancel");
    },
  );
  for (const { name, plan, task } of ended) {
    if (plan.end === "hangs") expect(task, name).toMatchObject({ status: "failed", failure: { code: "agent_silent" } });
    else expect(task, name).toMatchObject({ status: plan.end === "ends" ? "completed" : "cancelled" });
    expect(await left(task), name).toEqual([]);
  }
});

const endless = fc.record({
  how: fc.constantFrom("sleeps", "prints", "speaks", "spins"),
  ignoring: fc.boolean(),
});

test("[R16] [F47] an agent that never ends is stopped at the task's time limit, whatever it is doing", async () => {
  const ended = await runAll(seededPlans(endless, SEEDS), ({ how, ignoring }) => {
    const trap = ignoring ? "trap '' TERM INT HUP; " : "";
    if (how === "sleeps") return script("For ever", sh(`${trap}sleep 3600`));
    if (how === "prints") return script("For ever", sh(`${trap}while :; do date; sleep 0.1; done`));
    if (how === "spins")
      return script("For ever", ...Array.from({ length: 900 }, (_, i) => sh(`echo ${i}; sleep 0.3`)));
    return script("For ever", stream(100_000, 50));
  });
  for (const { name, task } of ended) {
    expect(task, name).toMatchObject({
      status: "failed",
      failure: { code: expect.stringMatching(/too_long|task_timeout/) },
    });
    const worked = (task.endedAt ?? Number.NaN) - (task.startedAt ?? Number.NaN);
    expect(worked, name).toBeLessThan(Number(LIMITS.TASK_MAX_DURATION_MS) + 60_000);
    expect(await left(task), name).toEqual([]);
  }
});

const refusals = fc.record({
  manner: fc.constantFrom("silent", "slow", "loud", "killed"),
  files: fc.integer({ min: 0, max: 30 }),
  committed: fc.boolean(),
});

test("[R14] [F41] a rejected push completes the task with a warning, and keeps the work", async () => {
  const ended = await runAll(seededPlans(refusals, SEEDS), ({ manner, files, committed }) =>
    script(
      "Be refused",
      write("refuse.txt", manner),
      sh(
        `for i in $(seq ${files}); do echo $i >file-$i.txt; done${committed ? "; git add -A; git commit -qm Mine" : ""}`,
      ),
    ),
  );
  for (const { name, task, workspace } of ended) {
    expect(task.status, name).toBe("completed");
    expect(task.output?.warning, name).toMatch(/not pushed/);
    expect(task.output?.commits.length, name).toBeGreaterThan(0);
    expect(workspace?.state, name).toBe("retained");
  }
  const pushed = new Set(git(site.remote, "for-each-ref", "--format=%(refname:short)", "refs/heads/").split("\n"));
  for (const { name, task } of ended) expect(pushed.has(task.branch ?? ""), name).toBe(false);
});

const taken = fc.record({
  when: fc.constantFrom("before", "meanwhile"),
  names: fc.constantFrom([""], ["", "-2"], ["", "-2", "-3"], ["/deeper"], ["/deeper", "-2"]),
});

test("[R14] [F42] a branch name that is taken gets a suffix, and the existing branch is never touched", async () => {
  const main = git(site.remote, "rev-parse", "main");
  const tree = `${main}^{tree}`;
  const theirs = git(
    site.remote,
    "-c",
    "user.name=Them",
    "-c",
    "user.email=them@localhost",
    "commit-tree",
    "-m",
    "Theirs",
    tree,
  );
  const take = (branch: string, names: readonly string[]) =>
    names.map((name) => `git -C '${site.remote}' update-ref 'refs/heads/'${branch}'${name}' ${theirs}`);
  const plans = seededPlans(taken, SEEDS);
  const drafts = await Promise.all(
    plans.map(async (seeded) => {
      const { when, names } = seeded.plan;
      const now = when === "meanwhile" ? take("$(git symbolic-ref --short HEAD)", names) : [];
      const description = script("Share", write("mine.txt", String(seeded.seed)), sh(["true", ...now].join("\n")));
      const task = await site.person.submit(site.project, { description, run: false, agent: "script" });
      if (when === "before")
        for (const name of names) git(site.remote, "update-ref", `refs/heads/task/${task.id}${name}`, theirs);
      return { ...seeded, task };
    }),
  );
  await Promise.all(drafts.map(({ task }) => site.person.act(task, "run")));
  const tasks = await site.person.ended(
    site.project,
    drafts.map(({ task }) => task),
    WAIT_TIMEOUT_MS,
  );
  expect(await terminalFaults(site.person, tasks)).toEqual([]);
  for (const { seed, plan, task } of drafts) {
    const name = formatSeed({ seed, plan });
    const ended = tasks.find(({ id }) => id === task.id);
    const branch = ended?.output?.branch ?? "";
    expect(ended, name).toMatchObject({ status: "completed", output: { warning: null } });
    expect(branch.startsWith(`task/${task.id}-`), `${name}: ${branch}`).toBe(true);
    expect(git(site.remote, "show", `${branch}:mine.txt`), name).toBe(String(seed));
    for (const other of plan.names) expect(git(site.remote, "rev-parse", `task/${task.id}${other}`), name).toBe(theirs);
  }
});

test("[R3] [R24] afterwards every transcript verifies, and nothing is left on the machine", async () => {
  expect(await transcriptFaults(site.here)).toEqual([]);
  expect(await clearedFaults(site.here, site.person)).toEqual([]);
  expect(await leftOnMachine(site.here)).toEqual([]);
});
