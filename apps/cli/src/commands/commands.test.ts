/** Commands against the test's own control plane: what they request, print and refuse. */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import type { AgentProgram, TaskOutput, TaskWaiting } from "@samovar/contracts";
import { aProjectView, anAgentView, aTaskEvent, aTaskView, aWorkspaceView, BUILT_AT } from "@samovar/testing";
import { afterEach, describe, expect, it } from "vitest";
import { runProgram } from "../run-program.ts";
import { addAgent, removeAgent } from "./agents/change.ts";
import { listAgents } from "./agents/list.ts";
import { findProgram } from "./agents/program.ts";
import { describeRuntime } from "../node-runtime.ts";
import { toPage, testContext, testSamovar } from "./context.testing.ts";
import { checkCredential, removeCredential, setCredential } from "./credentials/change.ts";
import { listCredentials } from "./credentials/list.ts";
import { checkAgent, checkLimits, checkRuntime } from "./doctor.ts";
import { saveBundle } from "./tasks/bundle.ts";
import { cancelTask, editTask, acknowledgeTask, startTask } from "./tasks/change.ts";
import { listTasks } from "./tasks/list.ts";
import { showTask } from "./tasks/show.ts";
import { destroyWorkspace, extendRetention } from "./workspaces/change.ts";
import { listWorkspaces } from "./workspaces/list.ts";
import { openWorkspace } from "./workspaces/open.ts";

const HOUR = 3_600_000;
const project = aProjectView();
const output: TaskOutput = {
  branch: "task/x",
  commits: [{ sha: "0123456789abcdef", subject: "Brew\u001b[2J tea" }],
  diffStat: { files: 1, insertions: 2, deletions: 0 },
  summary: "The tea is ready.",
  pullRequestUrl: "https://github.com/o/r/pull/1",
  warning: null,
  usage: { inputTokens: 12_345, cachedTokens: 10_000, outputTokens: 67, cost: { amount: 0.1234, currency: "USD" } },
  stopReason: "max_tokens",
  restarts: 1,
  redactions: 2,
  bundle: null,
  durations: { wait: 3_000, choose: 700, work: 61_000 },
  transcript: null,
};
const aTask = (fields: Parameters<typeof aTaskView>[0] = {}) => aTaskView({ projectId: project.id, ...fields });

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function samovar(...[answers]: Parameters<typeof testSamovar>) {
  const here = await testSamovar({ "GET /api/projects": () => toPage(project), ...answers });
  closing.push(here.close);
  return here;
}

const withTasks = (...tasks: readonly ReturnType<typeof aTaskView>[]) =>
  samovar({
    [`GET /api/projects/${project.id}/tasks`]: () => toPage(...tasks),
    ...Object.fromEntries(tasks.map((task) => [`GET /api/projects/${project.id}/tasks/${task.id}`, () => task])),
    ...Object.fromEntries(
      tasks.map((task) => [
        `GET /api/projects/${project.id}/tasks/${task.id}/events`,
        () => toPage(aTaskEvent({ kind: "step.started", data: { step: "start", runId: task.runId } })),
      ]),
    ),
    ...Object.fromEntries(
      tasks.flatMap((task) =>
        ["cancel", "run", "retry", "acknowledge", "unacknowledge"].map((verb) => [
          `POST /api/projects/${project.id}/tasks/${task.id}/${verb}`,
          () => ({ ...task, cancelRequested: verb === "cancel" }),
        ]),
      ),
    ),
    ...Object.fromEntries(tasks.map((task) => [`PATCH /api/projects/${project.id}/tasks/${task.id}`, () => task])),
  });

describe("tasks", () => {
  it("are listed with their priority and why they wait", async () => {
    const waiting: TaskWaiting = {
      code: "capacity",
      message: "Waiting for capacity.",
      since: 0,
      ahead: 3,
      taskIds: [],
    };
    const here = await withTasks(
      aTask({ priority: 1, waiting }),
      aTask({ waiting: { ...waiting, code: "dependency_failed" } }),
      aTask({ status: "in_progress", cancelRequested: true }),
    );
    const context = here.context();
    expect(await listTasks(undefined, context)).toBe(0);
    expect(context.terminal.out()).toMatch(/queued, waiting for capacity, 3 ahead {2,}urgent/);
    expect(context.terminal.out()).toContain("queued, blocked by a failed task");
    expect(context.terminal.out()).toContain("in progress, being cancelled");
    await expect(listTasks("nothing", here.context())).rejects.toThrow("No project is named nothing");
  });

  it("are shown in full by a suffix of their id, without control characters", async () => {
    const workspace = aWorkspaceView();
    const before = aTask({ status: "completed", title: "Boil" });
    const task = aTask({
      status: "failed",
      output,
      priority: 2,
      model: "opus",
      attempt: 2,
      dependsOn: [before.id],
      workspaceId: workspace.id,
      failure: { code: "agent_crashed", message: "The agent crashed." },
      endedAt: BUILT_AT + 5_000,
    });
    const here = await samovar({
      [`GET /api/projects/${project.id}/tasks`]: () => toPage(task, before),
      [`GET /api/projects/${project.id}/tasks/${before.id}`]: () => before,
      [`GET /api/projects/${project.id}/tasks/${task.id}/events`]: () => toPage(),
      [`GET /api/workspaces/${workspace.id}`]: () => workspace,
    });
    const context = here.context();
    expect(await showTask(task.id.slice(-7), context)).toBe(0);
    const shown = context.terminal.out();
    for (const line of [
      "✗ failed in 5.0 s",
      /depends on +tsk_\w+ {2}completed {2}Boil/,
      /runs with +script, model opus/,
      /reason +The agent crashed\./,
      /commits +012345678 Brew tea/,
      /usage +12,345 tokens in \(10,000 cached\) · 67 out · 0\.1234 USD/,
      /turn +agent restarted 1 time after a crash · stopped: max_tokens/,
      /note +2 secrets were redacted from the transcript/,
      /summary +The tea is ready\./,
      /steps +wait +3\.0 s\n +choose +700 ms\n +work +1 min 1 s/,
      /workspace +wsp_\w+, retained for 1 h 0 min/,
      `samovar retry ${task.id.slice(-8)}`,
      `samovar workspaces open ${workspace.id.slice(-8)}`,
    ])
      expect(shown).toMatch(line);
    const json = here.context({ json: true });
    await showTask(task.id.slice(-7), json);
    expect(JSON.parse(json.terminal.out())).toMatchObject({ task: { id: task.id }, workspace: { id: workspace.id } });
  });

  it("show the step that is running, and the tasks ahead in the queue", async () => {
    const ahead = aTask({ title: "First" });
    const task = aTask({
      waiting: {
        code: "capacity",
        message: "Waiting for capacity: 1 task is ahead.",
        since: 0,
        ahead: 1,
        taskIds: [ahead.id],
      },
    });
    const here = await withTasks(task, ahead);
    const context = here.context();
    await showTask(task.id, context);
    expect(context.terminal.out()).toMatch(
      /waiting +Waiting for capacity: 1 task is ahead\n +ahead +tsk_\w+ {2}queued {2}First/,
    );
    expect(context.terminal.out()).toMatch(/steps +start +0 ms so far/);
    expect(context.terminal.out()).toContain(`samovar cancel ${task.id.slice(-8)}`);
  });

  it.each(["x", "abc", "no such", "tsk_", "../../x", "zzzzzzzz"])("are not found by %j, with a hint", async (id) => {
    const here = await withTasks(aTask());
    await expect(showTask(id, here.context())).rejects.toMatchObject({ name: "CliError", hint: expect.any(String) });
  });

  it("are listed when several match what was typed", async () => {
    const [one, other] = [aTask(), aTask()];
    const here = await withTasks(one, other);
    const shared = one.id.slice(0, 12);
    expect(other.id.startsWith(shared)).toBe(true);
    await expect(showTask(shared, here.context())).rejects.toMatchObject({ hint: expect.stringContaining(other.id) });
  });

  it("are cancelled and started according to their status", async () => {
    const draft = aTask({ status: "draft" });
    const failed = aTask({ status: "failed" });
    const here = await withTasks(draft, failed);
    const context = here.context();
    expect(await cancelTask(draft.id, context)).toBe(0);
    expect(context.terminal.out()).toBe(`${draft.id} is being cancelled.\n`);
    expect(await startTask(draft.id, false, here.context())).toBe(0);
    expect(here.asked.map(({ path }) => path)).toContain(`/api/projects/${project.id}/tasks/${draft.id}/run`);
    await expect(startTask(failed.id, false, here.context())).rejects.toMatchObject({
      hint: expect.stringContaining("samovar retry"),
    });
  });

  it("are acknowledged after a failure, which can be undone", async () => {
    const failed = aTask({ status: "failed" });
    const here = await withTasks(failed);
    const context = here.context();
    expect(await acknowledgeTask(failed.id, true, context)).toBe(0);
    expect(await acknowledgeTask(failed.id, false, context)).toBe(0);
    expect(context.terminal.out()).toBe(`${failed.id} is acknowledged.\n${failed.id} is no longer acknowledged.\n`);
    const requested = here.asked.filter(({ method }) => method === "POST").map(({ path }) => path.split("/").at(-1));
    expect(requested).toEqual(["acknowledge", "unacknowledge"]);
  });

  it("are edited in the given fields only, with dependencies by part of their id", async () => {
    const [task, other] = [aTask({ status: "draft" }), aTask()];
    const here = await withTasks(task, other);
    const edits = { changes: { priority: 1 }, dependsOn: [other.id.slice(-6), other.id] };
    expect(await editTask(task.id, edits, here.context())).toBe(0);
    expect(here.asked.find(({ method }) => method === "PATCH")?.body).toEqual({ priority: 1, dependsOn: [other.id] });
    await expect(editTask(task.id, { changes: {}, dependsOn: null }, here.context())).rejects.toThrow(
      "Nothing to change",
    );
  });
});

describe("a bundle", () => {
  const content = Buffer.from("PACK of commits");
  const bundle = { bytes: content.length, sha256: sha256(content) };
  const task = aTask({ status: "completed", branch: "task/x", output: { ...output, bundle } });
  const serving = (sent: Buffer) =>
    samovar({
      [`GET /api/projects/${project.id}/tasks/${task.id}`]: () => task,
      [`GET /api/projects/${project.id}/tasks/${task.id}/bundle`]: () => new Uint8Array(sent),
    });

  it("is saved under its branch's name, never overwritten, with the command that fetches it", async () => {
    const here = await serving(content);
    const context = here.context();
    expect(await saveBundle(task.id, undefined, context)).toBe(0);
    const path = join(here.dataDir, "task-x.bundle");
    expect(await readFile(path, "utf8")).toBe("PACK of commits");
    expect(context.terminal.out()).toContain(`git fetch ${path} task/x:task/x`);
    await expect(saveBundle(task.id, undefined, here.context())).rejects.toThrow("already exists");
    const piped = here.context();
    await saveBundle(task.id, "-", piped);
    expect(piped.terminal.out()).toBe("PACK of commits");
  });

  it("[R16] is not saved when its digest does not match", async () => {
    const here = await serving(Buffer.from("PACK of something"));
    await expect(saveBundle(task.id, "out", here.context())).rejects.toThrow("does not match");
    await expect(readFile(join(here.dataDir, "out"))).rejects.toThrow("ENOENT");
  });
});

describe("workspaces", () => {
  const kept = aWorkspaceView({ failure: { code: "agent_crashed", message: "The agent crashed." } });
  const serving = (fields: Partial<typeof kept> = {}, path = "/there/repo") =>
    samovar({
      "GET /api/workspaces": ({ path: asked }) =>
        new URL(asked, "http://x").searchParams.get("state") === "retained" ? toPage(kept) : toPage(),
      [`GET /api/workspaces/${kept.id}`]: () => kept,
      [`POST /api/workspaces/${kept.id}/extend`]: () => ({ ...kept, ...fields }),
      [`POST /api/workspaces/${kept.id}/destroy`]: () => ({ ...kept, state: "destroying" }),
      [`GET /api/workspaces/${kept.id}/diff`]: () => ({
        path,
        branch: null,
        head: "a".repeat(40),
        files: [{ path: "tea\u0007.txt", change: "untracked" }],
        diff: "@@ -0,0 +1 @@\n+green\u001b[31m\n",
        truncated: true,
      }),
    });

  it("[R30] are listed with why they are retained, and for how long", async () => {
    const here = await serving();
    const context = here.context();
    expect(await listWorkspaces(false, context)).toBe(0);
    expect(context.terminal.out()).toMatch(/wsp_\w+ {2}retained {2}1 h 0 min .*The agent crashed\./);
    const all = here.context();
    await listWorkspaces(true, all);
    expect(all.terminal.out()).toContain("There are no workspaces yet.");
  });

  it("[R30] are extended, with a note when the time differs from the request", async () => {
    const given = async (retainedUntil: number, asked: number) => {
      const here = await serving({ retainedUntil });
      const context = here.context();
      expect(await extendRetention(kept.id, asked, context)).toBe(0);
      expect(here.asked.at(-1)?.body).toEqual({ keepForMs: asked });
      return context.terminal.notes();
    };
    expect(await given(BUILT_AT + 8 * HOUR, 8 * HOUR)).toBe("");
    expect(await given(BUILT_AT + 5 * HOUR, 48 * HOUR)).toContain("node will be destroyed");
    expect(await given(BUILT_AT + HOUR, 600_000)).toContain("already retained for longer");
    const here = await serving();
    await expect(extendRetention(kept.id, 1_000, here.context())).rejects.toThrow("a minute at least");
  });

  it("are destroyed", async () => {
    const here = await serving();
    const context = here.context();
    expect(await destroyWorkspace(kept.id, context)).toBe(0);
    expect(context.terminal.out()).toBe(`${kept.id} is being removed.\n`);
  });

  it("[R30] are opened, with safe output; on another machine no shell is offered", async () => {
    const here = await serving();
    const context = here.context();
    expect(await openWorkspace(kept.id, { diff: true, shell: false }, context)).toBe(0);
    const shown = context.terminal.out();
    for (const line of ["/there/repo", "none (detached HEAD)", "? tea.txt", "+green\n", "truncated"])
      expect(shown).toContain(line);
    expect(shown).not.toContain("--shell");
    const shell = openWorkspace(kept.id, { diff: false, shell: true }, here.context());
    await expect(shell).rejects.toThrow("another machine");
  });

  it("on this machine offer a shell, whose exit code becomes the command's", async () => {
    const here = await testSamovar({});
    closing.push(here.close);
    const place = join(here.dataDir, "w/repo");
    await mkdir(place, { recursive: true });
    const local = await samovar({
      [`GET /api/workspaces/${kept.id}`]: () => kept,
      [`GET /api/workspaces/${kept.id}/diff`]: () => ({
        path: place,
        branch: "task/x",
        head: null,
        files: [],
        diff: "",
        truncated: false,
      }),
    });
    await writeFile(join(here.dataDir, "instance.json"), await readFile(join(local.dataDir, "instance.json")));
    const context = here.context();
    await openWorkspace(kept.id, { diff: false, shell: false }, context);
    expect(context.terminal.out()).toContain(`samovar workspaces open ${kept.id.slice(-8)} --shell`);
    const shell = join(here.dataDir, "shell");
    await writeFile(shell, "#!/bin/sh\npwd > ../where\nexit 7\n");
    await chmod(shell, 0o755);
    const inside = here.context({ env: { SHELL: shell, PATH: process.env["PATH"] } });
    expect(await openWorkspace(kept.id, { diff: false, shell: true }, inside)).toBe(7);
    expect(await readFile(join(here.dataDir, "w/where"), "utf8")).toContain("w/repo");
  });
});

describe("agents and credentials", () => {
  const claude = anAgentView({
    kind: "claude",
    name: "Claude Code",
    usable: false,
    hint: "Store an Anthropic credential.",
    program: { from: "npm", package: { name: "@a/b", version: "1.2.3", bin: "b" }, args: [] },
    capabilities: { models: [{ id: "opus", name: "Opus", description: null }], modes: [] },
  });
  const mine = anAgentView({ kind: "mine", builtIn: false, usable: false, secretEnv: ["MY_KEY"] });
  const credential = {
    id: `crd_${"0".repeat(26)}`,
    kind: "agent:mine",
    hint: "MY_KEY",
    createdAt: 0,
    lastUsedAt: null,
  };
  const definition = {
    kind: "mine",
    name: "Mine",
    program: { from: "path", command: "my-agent", args: [] },
    secretEnv: ["MY_KEY"],
  };
  const serving = () =>
    samovar({
      "GET /api/agents": () => toPage(claude, mine),
      "PUT /api/agents/mine": () => ({ ...mine, definition: null }),
      "DELETE /api/agents/mine": () => null,
      "GET /api/credentials": () => toPage(credential),
      "PUT /api/credentials/agent%3Amine": () => credential,
      "DELETE /api/credentials/github": () => null,
      "POST /api/credentials/github/validate": () => ({ ok: false, message: "GitHub refuses the token." }),
    });

  it("agents are listed with what they need and what they offer", async () => {
    const context = (await serving()).context();
    expect(await listAgents(context)).toBe(0);
    expect(context.terminal.out()).toMatch(/! claude +Claude Code.*\n +to do +Store an Anthropic.*\n +models +opus/);
  });

  it("an agent is added from a file or standard input, with the next command; an error names the wrong field", async () => {
    const here = await serving();
    await writeFile(join(here.dataDir, "a.json"), JSON.stringify(definition));
    const context = here.context();
    expect(await addAgent("a.json", context)).toBe(0);
    expect(here.asked.at(-1)?.body).toMatchObject({ ...definition, env: {}, gateway: null });
    expect(context.terminal.out()).toContain("samovar credentials set agent:mine");
    const typed = (text: string) => addAgent("-", here.context({ readStdin: async () => text }));
    expect(await typed(JSON.stringify(definition))).toBe(0);
    await expect(typed("{")).rejects.toThrow("not valid JSON");
    await expect(typed(JSON.stringify({ ...definition, kind: "claude" }))).rejects.toThrow("kind: ");
    await expect(typed("[]")).rejects.toThrow("definition is invalid");
    await expect(addAgent("none.json", here.context())).rejects.toThrow("cannot be read");
    expect(await removeAgent("mine", here.context())).toBe(0);
    await expect(removeAgent("No Agent", here.context())).rejects.toThrow("not an agent's name");
  });

  it("credentials are set, checked and removed; exit code 1 when the service refuses one", async () => {
    const here = await serving();
    const context = here.context({ readStdin: async () => "MY_KEY=abc\n" });
    expect(await setCredential("agent:mine", { fromEnv: [] }, context)).toBe(0);
    expect(here.asked.at(-1)?.body).toEqual({ kind: "agent", agent: "mine", env: { MY_KEY: "abc" } });
    expect(context.terminal.out()).not.toContain("abc");
    expect(await checkCredential("github", here.context())).toBe(1);
    expect(await removeCredential("github", here.context())).toBe(0);
    await expect(setCredential("nope", { fromEnv: [] }, here.context())).rejects.toMatchObject({
      hint: expect.stringContaining("hetzner"),
    });
    const listed = here.context();
    await listCredentials(listed);
    expect(listed.terminal.out()).toMatch(/agent:mine .* never +MY_KEY/);
  });

  it("doctor and `up` say where agents run, and how to get a sandbox", () => {
    const reason = "bubblewrap is not installed. Install it, for example: apt install bubblewrap";
    expect(checkRuntime({ kind: "sandbox", reason: null })).toMatchObject({ state: "ok", hint: null });
    expect(checkRuntime({ kind: "docker", reason })).toMatchObject({
      state: "ok",
      hint: expect.stringContaining(reason),
    });
    expect(describeRuntime({ kind: "docker", reason })).toMatch(/^Agents run in docker containers/);
    expect(checkRuntime({ kind: "process", reason })).toMatchObject({ state: "warning", hint: reason });
    expect(checkRuntime({ kind: "unavailable", reason })).toMatchObject({ state: "fault", hint: reason });
    expect(checkRuntime(null)).toMatchObject({ state: "warning" });
    const sandbox = { kind: "sandbox", reason: null } as const;
    expect(checkLimits({ ...sandbox, limits: "kernel" }).detail).toContain("the kernel");
    expect(checkLimits({ ...sandbox, limits: "watched" }).detail).toContain("watched");
    expect(checkLimits(sandbox)).toMatchObject({ state: "warning" });
    expect(describeRuntime({ kind: "sandbox", reason: null })).toMatch(/^Agents run in a sandbox/);
    expect(describeRuntime({ kind: "process", reason })).toMatch(
      /^Agents run with your user's permissions.*apt install/,
    );
    expect(describeRuntime({ kind: "unavailable", reason })).toMatch(/^No task can run/);
  });

  it("doctor reports what is installed, what will be installed on demand, and what is missing", async () => {
    const here = await serving();
    const find = (wanted: AgentProgram) => findProgram(wanted, here.dataDir, { PATH: here.dataDir });
    expect(checkAgent(claude, await find(claude.program))).toMatchObject({
      state: "warning",
      detail: "Claude Code, not ready yet, @a/b 1.2.3 will be installed at its first task",
      hint: "Store an Anthropic credential.",
    });
    await mkdir(join(here.dataDir, "agents/@a+b-1.2.3"), { recursive: true });
    const usable = { ...claude, usable: true, hint: null };
    expect(checkAgent(usable, await find(claude.program))).toMatchObject({
      state: "ok",
      detail: "Claude Code, @a/b 1.2.3",
    });
    const own: AgentProgram = { from: "path", command: "my-agent", args: [] };
    expect(checkAgent(usable, await find(own))).toMatchObject({
      state: "warning",
      hint: "Install my-agent, or edit the agent.",
    });
    await writeFile(join(here.dataDir, "my-agent"), "", { mode: 0o755 });
    expect(await find(own)).toEqual({ state: "installed", what: "my-agent" });
    expect(await find({ from: "vm_agent" })).toEqual({ state: "included", what: "" });
  });
});

describe("bad input", () => {
  it.each([
    ["run", "--priority", "soon", "x"],
    ["run", "--size", "huge", "x"],
    ["run"],
    ["task"],
    ["tasks", "--all"],
    ["workspaces", "extend", "wsp_x", "--for", "3y"],
    ["workspaces", "explode"],
    ["agents", "add"],
    ["nonsense"],
  ])("gives exit code 2: %s %s %s %s", async (...words) => {
    expect(await runProgram(words)).toBe(2);
  });

  it("[S1] refuses a secret among the arguments, without printing it", async () => {
    const refused = runProgram(["credentials", "set", "github", "the-secret"]);
    await expect(refused).rejects.toThrow("Don't pass a secret");
    await expect(refused).rejects.not.toThrow("the-secret");
  });

  it("reports that no Samovar is running before it prompts for a secret", async () => {
    await expect(setCredential("github", { fromEnv: [] }, testContext())).rejects.toThrow("No Samovar is running");
  });
});
