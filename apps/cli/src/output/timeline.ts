/** A run's steps and their durations, from the task's events. */
import type { RunStep, TaskEvent } from "@samovar/contracts";
import { runStep } from "@samovar/contracts";
import { formatDuration } from "./units.ts";

export interface TimelineStep {
  readonly step: RunStep;
  readonly startedAt: number;
  /** Null while the step is running. */
  readonly finishedAt: number | null;
}

/** The steps of the newest run, in order. */
export function buildTimeline(events: readonly TaskEvent[]): TimelineStep[] {
  const steps = new Map<RunStep, TimelineStep>();
  const newest = events.findLast((event) => parseStep(event) !== null)?.data["runId"];
  for (const event of events) {
    const step = parseStep(event);
    if (step === null || event.data["runId"] !== newest) continue;
    const known = steps.get(step);
    if (event.kind === "step.started") steps.set(step, { step, startedAt: event.at, finishedAt: null });
    else if (known !== undefined) steps.set(step, { ...known, finishedAt: event.at });
  }
  return [...steps.values()];
}

/** The time before the agent worked, such as "choose 0.8 s · prepare 0.3 s · start 0.5 s". */
export function formatStartup(events: readonly TaskEvent[]): string | null {
  const parts = buildTimeline(events)
    .filter(({ step }) => step === "choose" || step === "prepare" || step === "start")
    .map(
      ({ step, startedAt, finishedAt }) =>
        `${step} ${finishedAt === null ? "…" : formatDuration(finishedAt - startedAt)}`,
    );
  return parts.length === 0 ? null : parts.join(" · ");
}

function parseStep(event: TaskEvent): RunStep | null {
  if (event.kind !== "step.started" && event.kind !== "step.finished") return null;
  const parsed = runStep.safeParse(event.data["step"]);
  return parsed.success ? parsed.data : null;
}
