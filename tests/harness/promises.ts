/**
 * What is promised whatever happens, as faults found: T1 (each task in exactly one terminal state, in time, and the
 * objects agree), M1 (what was said is what is stored), and that nothing is left on the machine. No fault: an empty list.
 */
import { parseJson } from "@samovar/base";
import { existsSync } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { TaskEvent, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { coreShare, waitPatiently } from "@samovar/testing";
import * as z from "zod";
import { ApiRefusal, type Installation } from "./installation.ts";
import { hasEnded, type Person } from "./person.ts";
import { processesOf } from "./processes.ts";

/** Keeps T1 [R11][R17]. `tasks`: as they were last seen. */
export async function terminalFaults(person: Person, tasks: readonly TaskView[]): Promise<string[]> {
  const faults = await Promise.all(tasks.map(async (task) => taskFaults(person, task)));
  return faults.flat();
}

async function taskFaults(person: Person, seen: TaskView): Promise<string[]> {
  const task = await person.task(seen);
  if (!hasEnded(task)) return [`${task.id} is ${task.status}: ${await lastWords(person, task)}`];
  const [events, session] = await Promise.all([person.events(task), settledSession(person, task)]);
  const faults = storyFaults(task, events);
  const expected = task.status === "failed" ? "error" : "stopped";
  if (session.status !== expected) faults.push(`is ${task.status}, and its session ${session.status}`);
  if (session.endedAt === null) faults.push("has ended, its session has not");
  if (task.status !== seen.status && hasEnded(seen)) faults.push(`was ${seen.status}, and is ${task.status} now`);
  if (task.endedAt === null) faults.push("has no time of its end");
  if (task.waiting !== null) faults.push("has ended, and waits");
  if (task.status === "failed" && (task.failure?.message ?? "").length < 10) faults.push("failed without a reason");
  return faults.map((fault) => `${task.id} ${fault}`);
}

/** The session is closed in a step of its own, right after the task. */
async function settledSession(person: Person, task: TaskView) {
  for (let looks = 0; ; looks++) {
    const session = await person.session(task);
    if (session.status !== "active" || looks === 100) return session;
    await setTimeout(100);
  }
}

/** Each change of status begins where the one before it has ended, and one ending is the last of an attempt. */
function storyFaults(task: TaskView, events: readonly TaskEvent[]): string[] {
  const faults: string[] = [];
  const changes = events.toSorted((a, b) => a.seq - b.seq).filter(({ kind }) => kind === "status.changed");
  let status: unknown = null;
  let endings = 0;
  for (const { data, actor, at } of changes) {
    if (status !== null && data["from"] !== status)
      faults.push(`went on from ${String(data["from"])}, it was ${String(status)}`);
    status = data["to"];
    if (isTerminal(String(status))) endings++;
    if (actor === "" || at <= 0) faults.push("changed without an actor or a time");
  }
  if (status !== task.status) faults.push(`is ${task.status}, its events say ${String(status)}`);
  if (endings !== task.attempt) faults.push(`ended ${endings} times in ${task.attempt} attempts`);
  return faults;
}

async function lastWords(person: Person, task: TaskView): Promise<string> {
  const events = (await person.events(task)).toSorted((a, b) => a.seq - b.seq);
  return JSON.stringify(events.slice(-3).map(({ kind, data }) => ({ kind, ...data })));
}

const verification = z.object({
  results: z.array(z.object({ taskId: z.string(), result: z.string(), faults: z.array(z.string()) })),
});

/** Keeps M1 [R3]: every transcript of this installation, by its own command. */
export async function transcriptFaults(here: Installation): Promise<string[]> {
  const { stdout, stderr } = await here.samovar(["verify", "--all", "--json"]);
  const parsed = verification.safeParse(parseJson(stdout.trim().split("\n").at(-1) ?? ""));
  if (!parsed.success) return [`verify did not answer: ${stdout}${stderr}`];
  return parsed.data.results.flatMap(({ taskId, faults }) => faults.map((fault) => `${taskId} ${fault}`));
}

/** Destroys kept workspaces, then nodes, as a person would; what is there after that is left over [R24]. */
export async function clearedFaults(here: Installation, person: Person): Promise<string[]> {
  for (const { id, state } of await person.workspaces())
    if (state === "retained") await person.ask(`/api/workspaces/${id}/destroy`, { method: "POST", body: {} });
  const slots = await settled(async () => {
    const nodes = (await person.nodes()).filter(({ state }) => state !== "destroying");
    return nodes.flatMap(({ id, taskIds, retainedTaskIds }) =>
      [...taskIds, ...retainedTaskIds].map((task) => `${id} still holds a slot of ${task}`),
    );
  });
  for (const { id } of await person.nodes()) await destroyNode(person, id);
  return [...slots, ...(await settled(() => leftovers(here, person)))];
}

async function destroyNode(person: Person, id: string): Promise<void> {
  try {
    await person.ask(`/api/nodes/${id}/destroy`, { method: "POST", body: {} });
  } catch (error) {
    // Gone already, which is what was wanted.
    if (!(error instanceof ApiRefusal)) throw error;
  }
}

async function leftovers(here: Installation, person: Person): Promise<string[]> {
  const { servers } = z
    .object({ servers: z.array(z.object({ name: z.string(), status: z.string() })) })
    .parse(await here.cloud("/servers"));
  const open = (await person.workspaces()).filter(({ state }) => state !== "destroyed" && state !== "failed");
  return [
    ...servers.map(({ name, status }) => `server ${name} is ${status}`),
    ...(await person.nodes()).map(({ id, state }) => `node ${id} is ${state}`),
    ...open.map(({ id, state }) => `workspace ${id} is ${state}`),
    ...(await leftOnMachine(here)),
  ];
}

/** The faults that do not go away. */
async function settled(look: () => Promise<string[]>): Promise<string[]> {
  let faults: string[] = [];
  const none = async () => {
    faults = await look();
    if (faults.length > 0) throw new Error(faults.join("; "));
  };
  await waitPatiently(none, coreShare, { interval: 200 }).catch(() => undefined);
  return faults;
}

/** Processes, directories, sockets and locks of servers that are gone. */
export async function leftOnMachine({ dataDir }: Installation): Promise<string[]> {
  const processes = (await processesOf(join(dataDir, "vm"))).filter(({ command }) => !OUR_OWN.test(command));
  const directories = await Promise.all(["vm", "log", "seed"].map((name) => entriesOf(join(dataDir, "vm", name))));
  const sockets = (await entriesOf(join(dataDir, "vm"), true)).filter(
    (path) => /\.(sock|lock)$/.test(path) && path !== join(dataDir, "vm", START_GATE),
  );
  return [
    ...processes.map(({ pid, command }) => `process ${pid} ${command}`),
    ...directories.flat().map((path) => `directory ${path}`),
    ...sockets.map((path) => `file ${path}`),
    ...(await linksInto(dataDir)).map((path) => `link ${path}`),
  ];
}

/** Of the cloud itself, for as long as it runs. */
const START_GATE = "starts.sock";
const OUR_OWN = /samovar\.mjs (up|demo)|workerd/;

async function entriesOf(path: string, recursive = false): Promise<string[]> {
  const names = await readdir(path, { recursive }).catch(() => []);
  return names.map((name) => join(path, name));
}

/** Short names for sockets whose paths are too long for the system. */
async function linksInto(dataDir: string): Promise<string[]> {
  const links = await entriesOf(join(tmpdir(), `samovar-${userInfo().uid}`));
  const targets = await Promise.all(
    links.map(async (path) => ((await lstat(path)).isSymbolicLink() ? { path, target: await readlink(path) } : null)),
  );
  return targets.flatMap((link) => (link?.target.startsWith(dataDir) === true ? [link.path] : []));
}

/** What a stopped installation has to have taken away. */
export function lockFaults(dataDir: string): string[] {
  return ["lock", "instance.json", "runtime.json"]
    .map((name) => join(dataDir, name))
    .filter((path) => existsSync(path));
}
