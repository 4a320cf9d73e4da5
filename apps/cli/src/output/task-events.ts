/** A task's events as a watching person is told them. */
import type { RunStep, TaskEvent } from "@samovar/contracts";
import { safeLine, safeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { timeline } from "./timeline.ts";
import { duration } from "./units.ts";

const BEGINS: Record<RunStep, string | null> = {
  wait: null,
  choose: "choosing a machine …",
  prepare: "preparing the workspace …",
  start: "starting the agent …",
  work: null,
  finish: "finishing …",
};
const ENDS: Record<RunStep, string | null> = {
  wait: "waited",
  choose: "machine chosen",
  prepare: "workspace ready",
  start: "agent started",
  work: null,
  finish: null,
};

/** A line for an event that a watching person cares about; null for the others. `events`: all so far. */
export function eventLine(event: TaskEvent, events: readonly TaskEvent[], style: Style): string | null {
  const step = timeline(events).find((each) => each.step === event.data["step"]);
  switch (event.kind) {
    case "step.started": {
      const text = step === undefined ? null : BEGINS[step.step];
      return text === null ? null : style.dim(`· ${text}`);
    }
    case "step.finished": {
      const text = step === undefined ? null : ENDS[step.step];
      if (text === null || step === undefined || step.finishedAt === null) return null;
      return style.dim(`· ${text} (${duration(step.finishedAt - step.startedAt)})`);
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
