/** Formats everything about one task as text. */
import type { ProjectView, TaskEvent, TaskView, WorkspaceView } from "@samovar/contracts";
import { RUN_STEPS } from "@samovar/contracts";
import { shortenId } from "../client/find.ts";
import { Facts } from "./facts.ts";
import { labelPriority } from "./priority.ts";
import { formatVerification } from "./verification.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import { addOutcome, formatHeadline, suggestCommands } from "./task-outcome.ts";
import type { Style } from "./terminal.ts";
import { buildTimeline } from "./timeline.ts";
import { formatAge, formatDuration } from "./units.ts";
import { formatWaiting } from "./waiting.ts";

export interface TaskDetail {
  readonly project: ProjectView;
  readonly task: TaskView;
  readonly events: readonly TaskEvent[];
  /** The tasks that it depends on or that are ahead of it in the queue, by id, as far as they could be read. */
  readonly others: ReadonlyMap<string, TaskView>;
  /** Null when the task has no workspace, or its workspace was destroyed. */
  readonly workspace: WorkspaceView | null;
}

export function formatTaskDetail(detail: TaskDetail, now: number, style: Style): string[] {
  const { project, task, events, workspace } = detail;
  const facts = new Facts(style);
  addWaiting(facts, detail);
  if (task.priority > 0) facts.add("priority", labelPriority(task.priority));
  facts.add("runs with", formatRunsWith(task));
  if (task.attempt > 1) facts.add("attempt", String(task.attempt));
  addOutcome(facts, task, style);
  facts.add("summary", task.output?.summary == null ? null : toSafeText(task.output.summary));
  facts.add("steps", formatSteps(task, events, now).join("\n"));
  if (workspace !== null) facts.add("workspace", formatWorkspace(workspace, now));
  facts.add("session", task.sessionId);
  facts.add("node", task.nodeId);
  const digest = task.output?.transcript ?? null;
  if (digest !== null) facts.add("verified", (digest.agreed ? style.green : style.red)(formatVerification(digest)));
  const inspection = workspace?.state === "retained" ? [`samovar workspaces open ${shortenId(workspace.id)}`] : [];
  facts.add("next", [...suggestCommands(task), ...inspection].join("\n"));
  return [
    style.bold(toSafeLine(task.title, 200)),
    style.dim(`${task.id} in ${toSafeLine(project.name, 80)}, created ${formatAge(now - task.createdAt)}`),
    formatHeadline(task, events, style),
    ...facts.lines,
  ];
}

function addWaiting(facts: Facts, { task, others }: TaskDetail): void {
  const describe = (id: string) => {
    const other = others.get(id);
    return other === undefined ? id : `${id}  ${other.status.replace("_", " ")}  ${toSafeLine(other.title, 60)}`;
  };
  if (task.waiting !== null) {
    facts.add("waiting", formatWaiting(task.waiting));
    if (task.waiting.code === "capacity") facts.add("ahead", task.waiting.taskIds.map(describe).join("\n"));
  }
  facts.add("depends on", task.dependsOn.map(describe).join("\n"));
}

function formatRunsWith(task: TaskView): string {
  const parts = [
    task.agent ?? "the default agent",
    task.model === null ? null : `model ${toSafeLine(task.model, 80)}`,
    task.permissionMode === null ? null : `mode ${toSafeLine(task.permissionMode, 80)}`,
    task.vmSize === null ? null : `a ${task.vmSize} node`,
    task.baseBranch === null ? null : `from ${toSafeLine(task.baseBranch, 80)}`,
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** The durations recorded at the end; until then, those from the events. */
function formatSteps(task: TaskView, events: readonly TaskEvent[], now: number): string[] {
  const recorded = task.output?.durations ?? {};
  const seen = new Map(buildTimeline(events).map((step) => [step.step, step]));
  return RUN_STEPS.flatMap((step) => {
    const shown = seen.get(step);
    const ms =
      recorded[step] ?? (shown === undefined ? null : (shown.finishedAt ?? task.endedAt ?? now) - shown.startedAt);
    if (ms === null) return [];
    const isOpen = recorded[step] === undefined && shown?.finishedAt === null && task.endedAt === null;
    return [`${step.padEnd(8)} ${formatDuration(ms)}${isOpen ? " so far" : ""}`];
  });
}

export function formatWorkspace(workspace: WorkspaceView, now: number): string {
  const { id, state, retainedUntil } = workspace;
  return state === "retained" && retainedUntil !== null
    ? `${id}, retained ${formatTimeLeft(retainedUntil, now)}`
    : `${id}, ${state}`;
}

/** "for 3 h 20 min", or that the next sweep removes it. */
export function formatTimeLeft(retainedUntil: number, now: number): string {
  return retainedUntil > now ? `for ${formatDuration(retainedUntil - now)}` : "until the next sweep";
}
