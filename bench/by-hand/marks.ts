/** Computes when each part of a Samovar task was done, from its events and its node's logs. Pure. */
import type { RunStep, TaskEvent, TaskView } from "@samovar/contracts";
import * as z from "zod";

export const logLine = z.looseObject({ at: z.iso.datetime().transform((at) => Date.parse(at)), event: z.string() });
export type LogLine = z.infer<typeof logLine>;

/** The data of one task. All times are milliseconds since the epoch, from this machine's clock. */
export interface Sources {
  /** Before the request that created the task. */
  readonly requestedAt: number;
  readonly task: TaskView;
  readonly events: readonly TaskEvent[];
  /** The daemon's log lines about this task. */
  readonly daemon: readonly LogLine[];
  /** The session host's log lines. */
  readonly host: readonly LogLine[];
  /** When the store stored the agent's first message. */
  readonly firstStoredAt: number | null;
}

type Find = (sources: Sources) => number | null;

export interface Part {
  readonly name: string;
  readonly find: Find;
}

const part = (name: string, find: Find): Part => ({ name, find });

const step = (kind: "step.started" | "step.finished", wanted: RunStep): Find => {
  return ({ events }) => events.find((event) => event.kind === kind && event.data["step"] === wanted)?.at ?? null;
};
const began = (wanted: RunStep) => step("step.started", wanted);
const ended = (wanted: RunStep) => step("step.finished", wanted);

const status = (to: TaskView["status"]): Find => {
  return ({ events }) => events.find(({ kind, data }) => kind === "status.changed" && data["to"] === to)?.at ?? null;
};

const logged = (log: "daemon" | "host", event: string, fields: Readonly<Record<string, string>> = {}): Find => {
  const fits = (line: LogLine) =>
    line.event === event && Object.entries(fields).every(([name, value]) => line[name] === value);
  return (sources) => sources[log].find(fits)?.at ?? null;
};
const received = (kind: string) => logged("daemon", "command.received", { kind });
const daemonStep = (name: string) => logged("daemon", "session.step_taken", { step: name });

/** The sequential parts: each waits for the one before it. */
export const CHAIN: readonly Part[] = [
  part("request sent", ({ requestedAt }) => requestedAt),
  part("task created", ({ task }) => task.createdAt),
  part("choose: began", began("choose")),
  part("choose: ended", ended("choose")),
  part("prepare: began", began("prepare")),
  part("prepare: command on the node", received("workspace.create")),
  part("prepare: clone ready", logged("daemon", "workspace.ready")),
  part("prepare: ended", ended("prepare")),
  part("start: began", began("start")),
  part("start: command on the node", received("session.start")),
  part("start: host process spawned", logged("daemon", "host.started")),
  part("start: host running", logged("host", "host.opened")),
  part("start: token received", logged("host", "token.received")),
  part("start: credential fetched", logged("host", "credential.fetched")),
  part("start: gateway opened", logged("host", "gateway.opened")),
  part("start: agent spawned", logged("host", "agent.spawned")),
  part("start: agent initialized", logged("host", "agent.initialized")),
  part("start: session opened", logged("host", "agent.session_opened")),
  part("start: prompt sent", logged("host", "agent.prompted")),
  part("work: first update", logged("host", "agent.responded")),
  part("work: agent answered", logged("host", "agent.answered")),
  part("work: agent exited", logged("host", "agent.exited")),
  part("work: session ended on its host", logged("host", "session.ended")),
  part("work: end seen by the daemon", daemonStep("record-end")),
  part("work: committed and pushed", logged("daemon", "session.finished")),
  part("work: outbox drained, end reported", logged("daemon", "session.ended")),
  part("work: run woken", ended("work")),
  part("finish: began", began("finish")),
  part("finish: removal on the node", received("workspace.destroy")),
  part("finish: workspace removed", logged("daemon", "workspace.destroyed")),
  part("finish: ended", ended("finish")),
  part("task completed", ({ task }) => task.endedAt),
];

/** Parts in parallel to the sequence: nothing waits for them. */
const BESIDE: readonly Part[] = [
  part("start reported by the daemon", daemonStep("report-started")),
  part("task in progress", status("in_progress")),
  part("start: ended", ended("start")),
  part("first message stored", ({ firstStoredAt }) => firstStoredAt),
];

/** Milliseconds since the task was created; null where nothing was logged. */
export function sinceCreated({ find }: Part, sources: Sources): number | null {
  const at = find(sources);
  return at === null ? null : at - sources.task.createdAt;
}

export interface Took {
  readonly name: string;
  /** Since the task's creation, and since the previous part; one value per task. */
  readonly at: readonly number[];
  readonly took: readonly number[];
}

/** Leaves out parts that no task has logged; the next part then counts from the last one that was. */
export function buildChain(tasks: readonly Sources[]): Took[] {
  const rows: Took[] = [];
  let before: readonly (number | null)[] = tasks.map(() => null);
  for (const each of CHAIN) {
    const at = tasks.map((sources) => sinceCreated(each, sources));
    if (at.every((value) => value === null)) continue;
    const took = at.map((value, n) => (value === null ? null : value - (before[n] ?? value)));
    rows.push({ name: each.name, at: known(at), took: known(took) });
    before = at.map((value, n) => value ?? before[n] ?? null);
  }
  return rows;
}

export function buildParallel(tasks: readonly Sources[]): Pick<Took, "name" | "at">[] {
  return BESIDE.map((each) => ({ name: each.name, at: known(tasks.map((sources) => sinceCreated(each, sources))) }));
}

/** Names of parts without a log line. */
export function unlogged(tasks: readonly Sources[]): string[] {
  const isMissing = (each: Part) => tasks.every((sources) => each.find(sources) === null);
  return [...CHAIN, ...BESIDE].filter(isMissing).map(({ name }) => name);
}

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);
