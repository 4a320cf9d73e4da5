/** A failed task's workspace, a line, and what a person does about them: by the CLI alone, through the whole stack. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AgentView,
  type CredentialView,
  type TaskView,
  type WorkspaceDiff,
  type WorkspaceView,
} from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type Finished,
  type Installation,
  removeDirectory,
  startInstallation,
  parseTask,
  temporaryDirectory,
} from "../harness/installation.ts";
import { listProcesses } from "../harness/processes.ts";
import { git, makeRepository } from "../harness/repository.ts";

let here: Installation;
let scratch: string;
let repository: string;

beforeAll(async () => {
  scratch = await temporaryDirectory();
  repository = makeRepository(join(scratch, "repository"));
  here = await startInstallation({ env: { MAX_NODES_PER_USER: "1", NODE_SLOTS: "1" } });
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
  await removeDirectory(scratch);
});

const fence = (info: string, body = "") => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const FAILING = `Half of it\n\n${fence("write tea.txt", "green")}${fence("sh", "test -f done || exit 3")}`;
const run = (text: string, ...words: readonly string[]) => here.samovar(["run", "--repo", repository, ...words, text]);
const json = async <T>(...words: readonly string[]): Promise<T> =>
  JSON.parse((await here.samovar([...words, "--json"])).stdout) as T;
const short = (id: string) => id.slice(-8);
/** The workspace of this task, once it is in this state. */
const getWorkspace = async (task: TaskView, state: WorkspaceView["state"]): Promise<WorkspaceView> => {
  const find = async () =>
    (await json<WorkspaceView[]>("workspaces", "--all")).find(
      (each) => each.taskId === task.id && each.state === state,
    );
  await vi.waitFor(async () => expect(await find()).toBeDefined(), { interval: 250 });
  return (await find()) ?? expect.fail("gone again");
};
const ended = (done: Finished): TaskView => parseTask(done);

test("[R14] [R30] a retained workspace is listed, opened, extended and removed, and the transcript records the removal", async () => {
  const failed = ended(await run(FAILING, "--json"));
  expect(failed.status).toBe("failed");
  const kept = await getWorkspace(failed, "retained");
  const list = await here.samovar(["workspaces"]);
  expect(list.stdout).toMatch(new RegExp(`${kept.id} +retained +3 h 59 min .*exit code 3`));

  const { look, local } = await json<{ look: WorkspaceDiff; local: boolean }>("workspaces", "open", short(kept.id));
  expect(look).toMatchObject({ branch: kept.branch, files: [{ path: "tea.txt", change: "untracked" }] });
  expect(local).toBe(true);
  expect(readFileSync(join(look.path, "tea.txt"), "utf8")).toContain("green");
  const opened = await here.samovar(["workspaces", "open", short(kept.id), "--diff"]);
  expect(opened.stdout).toContain("\n+green\n");
  const inside = await here.samovar(["workspaces", "open", short(kept.id), "--shell"], { input: "pwd; exit 4\n" });
  expect([inside.code, inside.stdout]).toEqual([4, `${look.path}\n`]);

  const later = await json<WorkspaceView>("workspaces", "extend", short(kept.id), "--for", "8h");
  expect(later.retainedUntil).toBeGreaterThan((kept.retainedUntil ?? 0) + 3 * 3_600_000);
  expect((await here.samovar(["workspaces", "extend", short(kept.id), "--for", "30s"])).code).toBe(2);

  const shown = await here.samovar(["task", short(failed.id)]);
  expect(shown.stdout).toMatch(/workspace +wsp_\w+, retained for 7 h 59 min/);
  expect(shown.stdout).toContain(`samovar retry ${short(failed.id)}`);

  expect((await here.samovar(["workspaces", "destroy", short(kept.id)])).code).toBe(0);
  await getWorkspace(failed, "destroyed");
  expect(existsSync(look.path)).toBe(false);
  const transcript = await here.samovar(["transcript", failed.sessionId]);
  expect(transcript.stdout.split("The retained workspace was removed on request.")).toHaveLength(2);
  expect((await here.samovar(["workspaces", "open", kept.id])).stderr).toContain("no longer exists");
  expect((await here.samovar(["verify", failed.id])).code).toBe(0);
});

test("[R15] [R16] a retained workspace frees its slot for the next task; a queued task shows why it waits while it is followed", async () => {
  const failed = ended(await run(FAILING, "--json"));
  await getWorkspace(failed, "retained");
  const working = here.follow([
    "run",
    "--json",
    "--repo",
    repository,
    `Work\n\n${fence("say", "On.")}${fence("hang")}`,
  ]);
  const begun = await working.until(
    ({ event, task }) => event === "task" && (task as TaskView).status === "in_progress",
  );
  const waiting = here.follow(["run", "--json", "--repo", repository, `Wait\n\n${fence("say", "At last.")}`]);
  const line = await waiting.until(({ event, task }) => event === "task" && (task as TaskView).waiting !== null);
  const { id } = line["task"] as TaskView;
  expect((line["task"] as TaskView).waiting).toMatchObject({ code: "capacity", ahead: 0 });
  expect((await here.samovar(["tasks"])).stdout).toMatch(new RegExp(`${id} +queued, waiting for capacity, next`));
  expect((await here.samovar(["task", short(id)])).stdout).toMatch(/waiting +Wait/);

  const after = parseTask(
    await run(`After\n\n${fence("say", "Me too.")}`, "--json", "--depends-on", short(id), "--no-follow"),
  );
  expect(after).toMatchObject({ dependsOn: [id] });
  await here.samovar(["cancel", (begun["task"] as TaskView).id]);
  expect((await working.finished).code).toBe(3);
  const done = await waiting.finished;
  expect([done.code, ended(done).status]).toEqual([0, "completed"]);
  const status = async () => (await json<{ task: TaskView }>("task", after.id)).task.status;
  await vi.waitFor(async () => expect(await status()).toBe("completed"), { interval: 250 });
});

test("[R12] a draft is edited, started, cancelled and retried; each command has the right exit code", async () => {
  const draft = parseTask(await run("Stored", "--json", "--backlog", "--priority", "low"));
  const text = `Stored\n\n${fence("say", "Here.")}${fence("hang")}`;
  expect((await here.samovar(["edit", short(draft.id), "--priority", "urgent", "--title", "Renamed"])).code).toBe(0);
  expect(await json("task", draft.id)).toMatchObject({ task: { priority: 1, title: "Renamed", status: "draft" } });
  const path = `/api/projects/${draft.projectId}/tasks/${draft.id}`;
  await here.api(path, { method: "PATCH", body: { description: text } });

  const started = here.follow(["start", "--json", short(draft.id)]);
  await started.until(({ event, task }) => event === "task" && (task as TaskView).status === "in_progress");
  expect((await here.samovar(["start", draft.id, "--no-follow"])).code).toBe(0);
  expect((await here.samovar(["cancel", short(draft.id)])).stdout).toContain("is being cancelled");
  expect((await started.finished).code).toBe(3);
  expect((await here.samovar(["start", draft.id])).stderr).toContain("samovar retry");

  const again = here.follow(["retry", "--json", short(draft.id)]);
  const line = await again.until(({ event, task }) => event === "task" && (task as TaskView).attempt === 2);
  const first = (line["events"] as { data: Record<string, unknown> }[])[0];
  expect(first?.data).not.toMatchObject({ from: "draft" });
  await here.samovar(["cancel", short(draft.id)]);
  expect((await again.finished).code).toBe(3);
  for (const { id } of await json<WorkspaceView[]>("workspaces")) await here.samovar(["workspaces", "destroy", id]);
});

test("[F41] commits that could not be pushed are fetched completely from a bundle into the repository", async () => {
  const hook = join(repository, ".git/hooks/pre-receive");
  writeFileSync(hook, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const task = ended(await run(`Bundle\n\n${fence("write late.txt", "late")}`, "--json"));
  expect(task).toMatchObject({ status: "completed", output: { bundle: { bytes: expect.any(Number) } } });
  const file = join(scratch, "late.bundle");
  const saved = await here.samovar(["bundle", short(task.id), "-o", file]);
  expect(saved.code).toBe(0);
  expect((await here.samovar(["bundle", short(task.id), "-o", file])).code).toBe(2);
  const [, words = ""] = /git fetch (.*)/.exec(saved.stdout) ?? [];
  git(repository, "fetch", "--quiet", ...words.split(" "));
  expect(git(repository, "show", `${task.branch}:late.txt`)).toBe("late");
});

test("[S1] the CLI makes an agent ready with its credential, and the secret appears nowhere", async () => {
  const secret = "canary-of-the-secret";
  const definition = {
    kind: "mine",
    name: "Mine",
    program: { from: "path", command: "no-such-agent", args: [] },
    secretEnv: ["MY_KEY"],
  };
  const added = await here.samovar(["agents", "add", "-"], { input: JSON.stringify(definition) });
  expect(added.stdout).toContain("samovar credentials set agent:mine");
  expect((await here.samovar(["credentials", "set", "agent:mine", secret])).stderr).not.toContain(secret);
  const set = await here.samovar(["credentials", "set", "agent:mine"], { input: `MY_KEY=${secret}\n` });
  expect(set.code).toBe(0);
  const mine = (await json<AgentView[]>("agents")).find(({ kind }) => kind === "mine");
  expect(mine).toMatchObject({ usable: true, builtIn: false });
  expect((await json<CredentialView[]>("credentials")).map(({ kind }) => kind)).toContain("agent:mine");
  const doctor = await here.samovar(["doctor"]);
  expect(doctor.stdout).toMatch(/! Agent mine +Mine, no-such-agent is not installed on this machine/);

  const seen = [set, added, doctor, await here.samovar(["credentials"]), await here.samovar(["agents", "--json"])];
  const log = readFileSync(join(here.dataDir, "logs/samovar.log"), "utf8");
  const commands = (await listProcesses(here.dataDir)).map(({ command }) => command).join("\n");
  for (const text of [...seen.map(({ stdout, stderr }) => stdout + stderr), log, commands])
    expect(text).not.toContain(secret);

  expect((await here.samovar(["agents", "remove", "mine"])).code).toBe(0);
  expect((await json<CredentialView[]>("credentials")).map(({ kind }) => kind)).not.toContain("agent:mine");
});
