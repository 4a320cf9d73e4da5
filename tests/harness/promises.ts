/**
 * Checks Samovar's promises and returns the faults, if any: T1 (each task reaches exactly one terminal status in time,
 * and the objects agree), M1 (the stored transcript is what the agent sent), and nothing is left on the machine.
 */
import { parseJson } from "@samovar/base";
import { existsSync } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { TaskEvent, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { getCoreShare, waitFor } from "@samovar/testing";
import * as z from "zod";
import { ApiRefusal, type Installation } from "./installation.ts";
import { hasEnded, type Person } from "./person.ts";
import { listProcesses } from "./processes.ts";

/** Checks T1 [R11][R17]. `tasks`: as they were last read. */
export async function terminalFaults(person: Person, tasks: readonly TaskView[]): Promise<string[]> {
  const faults = await Promise.all(tasks.map(async (task) => findTaskFaults(person, task)));
  return faults.flat();
}

async function findTaskFaults(person: Person, seen: TaskView): Promise<string[]> {
  const task = await person.task(seen);
  if (!hasEnded(task)) return [`${task.id} is ${task.status}: ${await describeLastEvents(person, task)}`];
  const [events, session] = await Promise.all([person.events(task), waitForClosedSession(person, task)]);
  const faults = findStatusFaults(task, events);
  const expected = task.status === "failed" ? "error" : "stopped";
  if (session.status !== expected) faults.push(`is ${task.status}, and its session ${session.status}`);
  if (session.endedAt === null) faults.push("has ended, its session has not");
  if (task.status !== seen.status && hasEnded(seen)) faults.push(`was ${seen.status}, and is ${task.status} now`);
  if (task.endedAt === null) faults.push("has no time of its end");
  if (task.waiting !== null) faults.push("has ended, and waits");
  if (task.status === "failed" && (task.failure?.message ?? "").length < 10) faults.push("failed without a reason");
  return faults.map((fault) => `${task.id} ${fault}`);
}

/** The session is closed in a separate step, right after the task. */
async function waitForClosedSession(person: Person, task: TaskView) {
  for (let looks = 0; ; looks++) {
    const session = await person.session(task);
    if (session.status !== "active" || looks === 100) return session;
    await setTimeout(100);
  }
}

/** Each status change must start from the previous status, and each attempt must end exactly once. */
function findStatusFaults(task: TaskView, events: readonly TaskEvent[]): string[] {
  const faults: string[] = [];
  const changes = events.toSorted((a, b) => a.seq - b.seq).filter(({ kind }) => kind === "status.changed");
  let status: unknown = null;
  let endings = 0;
  for (const { data, actor, at } of changes) {
    if (status !== null && data["from"] !== status)
      faults.push(`changed from ${String(data["from"])}, but was ${String(status)}`);
    status = data["to"];
    if (isTerminal(String(status))) endings++;
    if (actor === "" || at <= 0) faults.push("changed without an actor or a time");
  }
  if (status !== task.status) faults.push(`is ${task.status}, its events say ${String(status)}`);
  if (endings !== task.attempt) faults.push(`ended ${endings} times in ${task.attempt} attempts`);
  return faults;
}

async function describeLastEvents(person: Person, task: TaskView): Promise<string> {
  const events = (await person.events(task)).toSorted((a, b) => a.seq - b.seq);
  return JSON.stringify(events.slice(-3).map(({ kind, data }) => ({ kind, ...data })));
}

const verification = z.object({
  results: z.array(z.object({ taskId: z.string(), result: z.string(), faults: z.array(z.string()) })),
});

/** Checks M1 [R3] for every transcript of this installation, with `samovar verify`. */
export async function transcriptFaults(here: Installation): Promise<string[]> {
  const { stdout, stderr } = await here.samovar(["verify", "--all", "--json"]);
  const parsed = verification.safeParse(parseJson(stdout.trim().split("\n").at(-1) ?? ""));
  if (!parsed.success) return [`verify did not answer: ${stdout}${stderr}`];
  return parsed.data.results.flatMap(({ taskId, faults }) => faults.map((fault) => `${taskId} ${fault}`));
}

/** Destroys retained workspaces, then nodes, as a person would; whatever remains is a fault [R24]. */
export async function clearedFaults(here: Installation, person: Person): Promise<string[]> {
  for (const { id, state } of await person.workspaces())
    if (state === "retained") await person.ask(`/api/workspaces/${id}/destroy`, { method: "POST", body: {} });
  const slots = await waitUntilClear(async () => {
    const nodes = (await person.nodes()).filter(({ state }) => state !== "destroying");
    return nodes.flatMap(({ id, taskIds, retainedTaskIds }) =>
      [...taskIds, ...retainedTaskIds].map((task) => `${id} still holds a slot of ${task}`),
    );
  });
  const seen = await Promise.all(slots.map(async (fault) => `${fault}: ${await describeLog(here, fault)}`));
  for (const { id } of await person.nodes()) await destroyNode(person, id);
  return [...seen, ...(await waitUntilClear(() => leftovers(here, person)))];
}

/** The last lines of all logs that name an id of the fault. */
async function describeLog({ dataDir }: Installation, fault: string): Promise<string> {
  const ids = fault.match(/\b(?:nod|tsk|wsp)_\w+/g) ?? [];
  const files = (await listEntries(dataDir, true)).filter((path) => path.endsWith(".log"));
  const texts = await Promise.all(files.map((path) => readFile(path, "utf8").catch(() => "")));
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => ids.some((id) => line.includes(id)));
  return lines.toSorted().slice(-40).join("\n");
}

async function destroyNode(person: Person, id: string): Promise<void> {
  try {
    await person.ask(`/api/nodes/${id}/destroy`, { method: "POST", body: {} });
  } catch (error) {
    // The node is already gone.
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

/** Waits for faults to go away, and returns those that remain. */
async function waitUntilClear(find: () => Promise<string[]>): Promise<string[]> {
  let faults: string[] = [];
  const none = async () => {
    faults = await find();
    if (faults.length > 0) throw new Error(faults.join("; "));
  };
  await waitFor(none, getCoreShare, { interval: 200 }).catch(() => undefined);
  return faults;
}

/** Processes, directories, sockets and locks left by servers that no longer exist. */
export async function leftOnMachine({ dataDir }: Installation): Promise<string[]> {
  const processes = (await listProcesses(join(dataDir, "vm"))).filter(({ command }) => !OUR_OWN.test(command));
  const directories = await Promise.all(["vm", "log", "seed"].map((name) => listEntries(join(dataDir, "vm", name))));
  const sockets = (await listEntries(join(dataDir, "vm"), true)).filter(
    (path) => /\.(sock|lock)$/.test(path) && path !== join(dataDir, "vm", START_GATE),
  );
  return [
    ...processes.map(({ pid, command }) => `process ${pid} ${command}`),
    ...directories.flat().map((path) => `directory ${path}`),
    ...sockets.map((path) => `file ${path}`),
    ...(await linksInto(dataDir)).map((path) => `link ${path}`),
  ];
}

/** Belongs to the local cloud itself while it runs. */
const START_GATE = "starts.sock";
const OUR_OWN = /samovar\.mjs (up|demo)|workerd/;

async function listEntries(path: string, recursive = false): Promise<string[]> {
  const names = await readdir(path, { recursive }).catch(() => []);
  return names.map((name) => join(path, name));
}

/** Symbolic links to sockets whose paths are too long for the system. */
async function linksInto(dataDir: string): Promise<string[]> {
  const links = await listEntries(join(tmpdir(), `samovar-${userInfo().uid}`));
  const targets = await Promise.all(
    links.map(async (path) => ((await lstat(path)).isSymbolicLink() ? { path, target: await readlink(path) } : null)),
  );
  return targets.flatMap((link) => (link?.target.startsWith(dataDir) === true ? [link.path] : []));
}

/** Files that a stopped installation should have removed. */
export function lockFaults(dataDir: string): string[] {
  return ["lock", "instance.json", "runtime.json"]
    .map((name) => join(dataDir, name))
    .filter((path) => existsSync(path));
}
