/** How a task is told: its changes while it runs, and its outcome. */
import type { RunStep, TaskEvent, TaskView } from "@samovar/contracts";
import { proofLine } from "./proof.ts";
import { safeLine, safeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { startupLine, timeline } from "./timeline.ts";
import { count, duration } from "./units.ts";

const BEGINS: Record<RunStep, string | null> = {
  wait: null,
  choose: "choosing a machine …",
  prepare: "preparing the workspace …",
  start: "starting the agent …",
  work: null,
  finish: "finishing …",
};
const ENDS: Record<RunStep, string | null> = {
  wait: null,
  choose: "machine chosen",
  prepare: "workspace ready",
  start: "agent started",
  work: null,
  finish: null,
};

/** A line for an event that a watching person cares about; null for the others. `events`: all so far. */
export function eventLine(event: TaskEvent, events: readonly TaskEvent[], style: Style): string | null {
  const step = timeline([...events]).find((each) => each.step === event.data["step"]);
  switch (event.kind) {
    case "step.began": {
      const text = step === undefined ? null : BEGINS[step.step];
      return text === null ? null : style.dim(`· ${text}`);
    }
    case "step.ended": {
      const text = step === undefined ? null : ENDS[step.step];
      if (text === null || step === undefined || step.endedAt === null) return null;
      return style.dim(`· ${text} (${duration(step.endedAt - step.beganAt)})`);
    }
    case "workspace.prepared": {
      const branch = event.data["branch"];
      return typeof branch === "string" ? style.dim(`· branch ${safeLine(branch, 200)}`) : null;
    }
    case "cancel.requested":
      return style.yellow("· cancelling …");
    case "warning.raised": {
      const message = event.data["message"];
      return typeof message === "string" ? style.yellow(`! ${safeText(message)}`) : null;
    }
    default:
      return null;
  }
}

/** The outcome of a task that has ended, as lines. */
export function outcomeLines(task: TaskView, events: readonly TaskEvent[], style: Style): string[] {
  const lines = [headline(task, style)];
  const fact = (name: string, value: string | null | undefined) => {
    if (value) lines.push(`  ${style.dim(name.padEnd(10))} ${value}`);
  };
  if (task.failure !== null) fact("reason", safeText(task.failure.message));
  fact("branch", task.output?.branch ?? task.branch);
  const commits = task.output?.commits ?? [];
  if (commits.length > 0)
    fact(
      "commits",
      commits.map((each) => `${each.sha.slice(0, 9)} ${safeLine(each.subject, 80)}`).join(`\n${" ".repeat(13)}`),
    );
  const stat = task.output?.diffStat ?? null;
  if (stat !== null) fact("changes", `${count(stat.files, "file")}, +${stat.insertions} −${stat.deletions}`);
  if (task.output?.warning) fact("warning", style.yellow(safeText(task.output.warning)));
  fact("pull req.", task.output?.pullRequestUrl);
  fact("start-up", startupLine(events));
  const proof = task.output?.transcript ?? null;
  if (proof !== null) fact("proof", proof.agreed ? style.green(proofLine(proof)) : style.red(proofLine(proof)));
  return lines;
}

function headline(task: TaskView, style: Style): string {
  const took = task.endedAt === null ? "" : ` in ${duration(task.endedAt - task.createdAt)}`;
  switch (task.status) {
    case "completed":
      return style.green(`✓ completed${took}`);
    case "failed":
      return style.red(`✗ failed${took}`);
    case "cancelled":
      return style.yellow(`○ cancelled${took}`);
    default:
      return `${task.status}${took}`;
  }
}
