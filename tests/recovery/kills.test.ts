import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageView, type MessageView, type TaskView, taskView } from "@samovar/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as z from "zod";
import {
  type Followed,
  type Installation,
  removeDirectory,
  startInstallation,
  parseTask,
} from "../harness/installation.ts";
import { isAlive, pidsMatching } from "../harness/processes.ts";
import { git, makeRepository } from "../harness/repository.ts";

let here: Installation;
let repository: string;

beforeEach(async () => {
  here = await startInstallation();
  repository = makeRepository(join(here.dataDir, "repository"));
});

afterEach(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

/** Long enough that a kill lands in the middle, with an end that can be recognised. */
const LONG =
  "Work for a while\n\n```say\nBefore.\n```\n\n```stream 3000\n```\n\n```wait 2s\n```\n\n```write done.txt\ndone\n```\n\n```say\nAfter.\n```\n";

/** Streams for minutes: a kill that comes late still lands in the middle of a message. */
const ENDLESS = "Work for long\n\n```say\nBefore.\n```\n\n```stream 100000 every=20ms\n```\n";

test("[R21] [F7] [F11] the control plane and its CLI are killed during a task; after a restart the task completes without loss", async () => {
  const run = here.follow(["run", "--json", "--repo", repository, LONG]);
  const task = await whenStreaming(run);
  const workerd = recordedRuntime();
  here.process.kill("SIGKILL");
  process.kill(workerd, "SIGKILL");

  here = await startInstallation({ dataDir: here.dataDir });
  await expectCompleted(task);
  run.process.kill("SIGKILL");
});

test("[R21] only the CLI is killed; restarted at once, it replaces the surviving workerd, and the task completes", async () => {
  const run = here.follow(["run", "--json", "--repo", repository, LONG]);
  const task = await whenStreaming(run);
  const first = recordedRuntime();
  process.kill(first, "SIGKILL");
  // Miniflare starts another one by itself: that one is left behind then.
  await vi.waitFor(() => expect(recordedRuntime()).not.toBe(first), { interval: 20 });
  const second = recordedRuntime();
  here.process.kill("SIGKILL");
  await once(here.process, "exit");
  expect(await isAlive(second)).toBe(true);

  const { url } = here;
  here = await startInstallation({ dataDir: here.dataDir });
  expect(here.url).toBe(url);
  expect(await isAlive(second)).toBe(false);
  await expectCompleted(task);
  run.process.kill("SIGKILL");
});

test("[R5] [R21] the daemon is killed; the agent goes on, and nothing is lost", async () => {
  const run = here.follow(["run", "--json", "--repo", repository, LONG]);
  const task = await whenStreaming(run);
  const daemons = await pidsMatching(here.dataDir, /vm-agent\.cjs daemon/);
  expect(daemons).toHaveLength(1);
  for (const pid of daemons) process.kill(pid, "SIGKILL");

  expect(parseTask(await run.finished).status).toBe("completed");
  await expectCompleted(task);
});

test("[R5] [R16] [F39] a session host is killed; its messages are kept, the unfinished one is marked as interrupted, and the task fails with a reason", async () => {
  const run = here.follow(["run", "--json", "--repo", repository, ENDLESS]);
  const task = await whenStreaming(run);
  const hosts = await pidsMatching(here.dataDir, /vm-agent\.\w+ session-host/);
  expect(hosts).toHaveLength(1);
  for (const pid of hosts) process.kill(pid, "SIGKILL");

  const finished = await run.finished;
  const ended = parseTask(finished);
  expect(finished.code).toBe(1);
  expect(ended.status).toBe("failed");
  expect(ended.failure).toMatchObject({ code: "host_lost", message: expect.stringContaining("killed") });
  const messages = await listMessages(ended);
  expect(messages.find((message) => message.content === "Before.")?.final).toBe(true);
  const interrupted = messages.filter((message) => message.interrupted);
  expect(interrupted).toHaveLength(1);
  expect(interrupted[0]?.content.length).toBeGreaterThan(0);
  const workspace = await here.api<{ state: string }>(`/api/workspaces/${ended.workspaceId}`);
  expect(workspace.state).toBe("retained");
  expect(task.id).toBe(ended.id);
  await here.api(`/api/workspaces/${ended.workspaceId}/destroy`, { method: "POST", body: {} });
  const node = async () => (await here.api<{ state: string }>(`/api/nodes/${ended.nodeId}`)).state;
  await vi.waitFor(async () => expect(await node()).toBe("warm"), { interval: 50 });
});

/** The process that `samovar up` wrote down as its workerd. */
function recordedRuntime(): number {
  const text = readFileSync(join(here.dataDir, "runtime.json"), "utf8");
  return z.object({ pid: z.number() }).parse(JSON.parse(text)).pid;
}

/** The task, once some of its streamed text has been stored. */
async function whenStreaming(run: Followed): Promise<TaskView> {
  const line = await run.until((each) => "task" in each);
  const task = taskView.parse(line["task"]);
  const said = async () => (await listMessages(task)).some((message) => message.content.length > 500);
  await vi.waitFor(async () => expect(await said()).toBe(true), { interval: 10 });
  return task;
}

async function expectCompleted(task: TaskView): Promise<void> {
  const read = async () => taskView.parse(await here.api(`/api/projects/${task.projectId}/tasks/${task.id}`));
  await vi.waitFor(async () => expect((await read()).status).toBe("completed"), { interval: 200 });
  const ended = await read();
  const messages = await listMessages(ended);
  expect(messages.find((message) => message.content.split(/\s+/).length >= 3000)?.final).toBe(true);
  expect(messages.some((message) => message.content.includes("After."))).toBe(true);
  expect(messages.map((message) => message.position)).toEqual(messages.map((_, index) => index));
  expect(ended.output?.transcript?.agreed).toBe(true);
  expect(git(repository, "show", `${ended.branch}:done.txt`)).toBe("done");
}

async function listMessages(task: TaskView): Promise<MessageView[]> {
  const body = await here.api(`/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`);
  return z.object({ messages: z.array(messageView) }).parse(body).messages;
}
