/** Formats a task's events for a person who follows it. */
import type { RunStep, TaskEvent } from "@samovar/contracts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { buildTimeline } from "./timeline.ts";
import { formatDuration } from "./units.ts";

const STARTED_LABELS: Record<RunStep, string | null> = {
  wait: null,
  choose: "choosing a node …",
  prepare: "preparing the workspace …",
  start: "starting the agent …",
  work: null,
  finish: "finishing …",
};
const FINISHED_LABELS: Record<RunStep, string | null> = {
  wait: "waited",
  choose: "node chosen",
  prepare: "workspace ready",
  start: "agent started",
  work: null,
  finish: null,
};

/** A line for an event that matters to the reader; null for others. `events`: all so far. */
export function formatEvent(event: TaskEvent, events: readonly TaskEvent[], style: Style): string | null {
  const step = buildTimeline(events).find((each) => each.step === event.data["step"]);
  switch (event.kind) {
    case "step.started": {
      const text = step === undefined ? null : STARTED_LABELS[step.step];
      return text === null ? null : style.dim(`· ${text}`);
    }
    case "step.finished": {
      const text = step === undefined ? null : FINISHED_LABELS[step.step];
      if (text === null || step === undefined || step.finishedAt === null) return null;
      return style.dim(`· ${text} (${formatDuration(step.finishedAt - step.startedAt)})`);
    }
    case "workspace.prepared": {
      const branch = event.data["branch"];
      return typeof branch === "string" ? style.dim(`· branch ${toSafeLine(branch, 200)}`) : null;
    }
    case "cancel.requested":
      return style.yellow("· cancelling …");
    case "warning.raised": {
      const message = event.data["message"];
      return typeof message === "string" ? style.yellow(`! ${toSafeText(message)}`) : null;
    }
    default:
      return null;
  }
}
