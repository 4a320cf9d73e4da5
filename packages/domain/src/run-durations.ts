/** How long each step of a run took, computed only from the run's events. Pure. */
import type { Millis } from "@samovar/base";
import { runStep } from "@samovar/contracts";
import { isTerminal } from "./task-status.ts";
import type { RunStep, TaskEvent, TaskOutput } from "@samovar/contracts";

type RecordedEvent = Pick<TaskEvent, "at" | "kind" | "data">;

/**
 * Milliseconds of each started step. A step that ran twice (on a replacement node) counts both times; one that
 * was cut off lasts until its task ended, or until `now`. `runId` null: the newest run.
 */
export function getRunDurations(
  events: readonly RecordedEvent[],
  runId: string | null,
  now: Millis,
): TaskOutput["durations"] {
  const run = runId ?? events.findLast((event) => event.kind === "step.started")?.data["runId"];
  const first = events.findIndex((event) => isStep(event) && event.data["runId"] === run);
  const open = new Map<RunStep, Millis>();
  const durations: Partial<Record<RunStep, number>> = {};
  const close = (step: RunStep, at: Millis) => {
    const began = open.get(step);
    if (began === undefined) return;
    open.delete(step);
    durations[step] = (durations[step] ?? 0) + Math.max(0, at - began);
  };
  for (const event of first < 0 ? [] : events.slice(first)) {
    if (isEnd(event)) {
      for (const step of open.keys()) close(step, event.at);
      break;
    }
    const step = runStep.safeParse(event.data["step"]);
    if (!isStep(event) || event.data["runId"] !== run || !step.success) continue;
    if (event.kind === "step.finished") close(step.data, event.at);
    else if (!open.has(step.data)) open.set(step.data, event.at);
  }
  for (const step of open.keys()) close(step, now);
  return durations;
}

const isStep = ({ kind }: RecordedEvent) => kind === "step.started" || kind === "step.finished";
const isEnd = ({ kind, data }: RecordedEvent) => kind === "status.changed" && isTerminal(String(data["to"]));
