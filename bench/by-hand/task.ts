/** Runs one task through Samovar on a warm node: submits it at the API and follows it over the project's socket. */
import { setTimeout } from "node:timers/promises";
import type { ProjectView, TaskView } from "@samovar/contracts";
import type { Installation } from "../../tests/harness/installation.ts";
import type { Person } from "../../tests/harness/person.ts";
import { pidsMatching } from "../../tests/harness/processes.ts";
import type { Viewer } from "../viewer.ts";
import type { Sources } from "./marks.ts";
import { daemonLines, HostLog } from "./node-logs.ts";

const LOOK_EVERY_MS = 100;
const SESSION_HOST = /vm-agent\.\w+ session-host/;

export interface TaskRunner {
  readonly here: Installation;
  readonly person: Person;
  readonly project: ProjectView;
  readonly viewer: Viewer;
}

/** Resolves when the node is warm again. Throws when the task does not complete as expected. */
export async function runTask({ here, person, project, viewer }: TaskRunner, description: string): Promise<Sources> {
  const hostLog = new HostLog(here.dataDir);
  const requestedAt = Date.now();
  const submitted = await person.submit(project, { description, run: true, agent: "claude" });
  viewer.follow(submitted.sessionId);
  const task = await viewer.ended(submitted);
  requireCompleted(task);
  await untilWarm(here, person);
  const ids = [task.sessionId, task.runId, task.workspaceId].filter((id) => id !== null);
  return {
    requestedAt,
    task,
    events: await person.events(task),
    daemon: await daemonLines(here.dataDir, ids),
    host: await hostLog.lines(),
    firstStoredAt: viewer.firstStoredAt(task.sessionId),
  };
}

export function requireCompleted({ id, status, failure, output }: TaskView): void {
  const why = failure?.message ?? output?.warning ?? null;
  if (status !== "completed" || why !== null) throw new Error(`${id} is ${status}: ${why ?? ""}`);
}

/** Resolves when there are nodes, all of them are warm, and each has no session host but the standby one. */
export async function untilWarm(here: Installation, person: Person): Promise<void> {
  for (; ; await setTimeout(LOOK_EVERY_MS)) {
    const nodes = await person.nodes();
    const isWarm = nodes.length > 0 && nodes.every(({ state }) => state === "warm");
    if (isWarm && (await pidsMatching(here.dataDir, SESSION_HOST)).length <= nodes.length) return;
  }
}
