/** Everything about one task, for a person. */
import type { ProjectView, TaskEvent, TaskView, WorkspaceView } from "@samovar/contracts";
import { RUN_STEPS } from "@samovar/contracts";
import { shortId } from "../client/find.ts";
import { Facts } from "./facts.ts";
import { priorityName } from "./priority.ts";
import { proofLine } from "./digest.ts";
import { safeLine, safeText } from "./safe-text.ts";
import { addOutcome, headline, nextLines } from "./task-outcome.ts";
import type { Style } from "./terminal.ts";
import { timeline } from "./timeline.ts";
import { age, duration } from "./units.ts";
import { waitingSentence } from "./waiting.ts";

export interface TaskDetail {
  readonly project: ProjectView;
  readonly task: TaskView;
  readonly events: readonly TaskEvent[];
  /** The tasks that it waits for or comes after, by id: those that could be read. */
  readonly others: ReadonlyMap<string, TaskView>;
  /** Null when it has none, or none any more. */
  readonly workspace: WorkspaceView | null;
}

export function taskDetailLines(detail: TaskDetail, now: number, style: Style): string[] {
  const { project, task, events, workspace } = detail;
  const facts = new Facts(style);
  addWaiting(facts, detail);
  if (task.priority > 0) facts.add("priority", priorityName(task.priority));
  facts.add("runs with", runsWith(task));
  if (task.attempt > 1) facts.add("attempt", String(task.attempt));
  addOutcome(facts, task, style);
  facts.add("summary", task.output?.summary == null ? null : safeText(task.output.summary));
  facts.add("steps", stepLines(task, events, now).join("\n"));
  if (workspace !== null) facts.add("workspace", workspaceLine(workspace, now));
  facts.add("session", task.sessionId);
  facts.add("machine", task.nodeId);
  const digest = task.output?.transcript ?? null;
  if (digest !== null) facts.add("proof", (digest.agreed ? style.green : style.red)(proofLine(digest)));
  const looking = workspace?.state === "retained" ? [`samovar workspaces open ${shortId(workspace.id)}`] : [];
  facts.add("next", [...nextLines(task), ...looking].join("\n"));
  return [
    style.bold(safeLine(task.title, 200)),
    style.dim(`${task.id} in ${safeLine(project.name, 80)}, made ${age(now - task.createdAt)}`),
    headline(task, events, style),
    ...facts.lines,
  ];
}

function addWaiting(facts: Facts, { task, others }: TaskDetail): void {
  const named = (id: string) => {
    const other = others.get(id);
    return other === undefined ? id : `${id}  ${other.status.replace("_", " ")}  ${safeLine(other.title, 60)}`;
  };
  if (task.waiting !== null) {
    facts.add("waits", waitingSentence(task.waiting));
    if (task.waiting.code === "capacity") facts.add("before it", task.waiting.taskIds.map(named).join("\n"));
  }
  facts.add("after", task.dependsOn.map(named).join("\n"));
}

function runsWith(task: TaskView): string {
  const parts = [
    task.agent ?? "the default agent",
    task.model === null ? null : `model ${safeLine(task.model, 80)}`,
    task.permissionMode === null ? null : `mode ${safeLine(task.permissionMode, 80)}`,
    task.vmSize === null ? null : `a ${task.vmSize} machine`,
    task.baseBranch === null ? null : `from ${safeLine(task.baseBranch, 80)}`,
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** As they were recorded at the end; until then as the events tell. */
function stepLines(task: TaskView, events: readonly TaskEvent[], now: number): string[] {
  const recorded = task.output?.durations ?? {};
  const seen = new Map(timeline(events).map((step) => [step.step, step]));
  return RUN_STEPS.flatMap((step) => {
    const shown = seen.get(step);
    const ms =
      recorded[step] ?? (shown === undefined ? null : (shown.finishedAt ?? task.endedAt ?? now) - shown.startedAt);
    if (ms === null) return [];
    const lasts = recorded[step] === undefined && shown?.finishedAt === null && task.endedAt === null;
    return [`${step.padEnd(8)} ${duration(ms)}${lasts ? " so far" : ""}`];
  });
}

export function workspaceLine(workspace: WorkspaceView, now: number): string {
  const { id, state, retainedUntil } = workspace;
  return state === "retained" && retainedUntil !== null
    ? `${id}, kept ${timeLeft(retainedUntil, now)}`
    : `${id}, ${state}`;
}

/** "for 3 h 20 min", or that its time is up. */
export function timeLeft(retainedUntil: number, now: number): string {
  return retainedUntil > now ? `for ${duration(retainedUntil - now)}` : "until the next sweep";
}
