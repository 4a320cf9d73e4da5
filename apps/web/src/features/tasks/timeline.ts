/** The start-up timeline of a task's current run, read from its events. Pure. */
import type { Millis } from "@samovar/base";
import { runStep, type RunStep, type TaskEvent, type TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";

export interface TimelineStep {
  readonly id: "queued" | RunStep;
  readonly started: Millis;
  /** Null while it goes on. */
  readonly finished: Millis | null;
  /** Set when a process of the step waited long for its turn on a busy node. */
  readonly isDelayed?: true;
}

/** The steps of the newest attempt in the order in which they started. Empty before the first run. */
export function toTimeline(events: readonly TaskEvent[], task: TaskView): readonly TimelineStep[] {
  const current = lastRun(events, task);
  const queuedAt = current[0]?.at;
  if (queuedAt === undefined) return [];
  const steps = new Map<RunStep, TimelineStep>();
  for (const event of current) {
    const step = runStep.safeParse(event.data["step"]);
    if (!step.success) continue;
    const known = steps.get(step.data);
    // A step that is repeated on another node continues.
    if (event.kind === "step.started")
      steps.set(step.data, { id: step.data, started: known?.started ?? event.at, finished: null });
    else if (known !== undefined) steps.set(step.data, { ...known, ...toChange(event) });
  }
  const over = isTerminal(task.status) ? (task.endedAt ?? task.updatedAt) : null;
  const begun = [...steps.values()].toSorted((a, b) => a.started - b.started);
  const queued: TimelineStep = { id: "queued", started: queuedAt, finished: begun[0]?.started ?? over };
  return [queued, ...begun.map((step) => ({ ...step, finished: step.finished ?? over }))];
}

function toChange(event: TaskEvent): Partial<TimelineStep> {
  if (event.kind === "step.finished") return { finished: event.at };
  return event.kind === "warning.raised" && event.data["code"] === "start_delayed" ? { isDelayed: true } : {};
}

/** From the event that queued the task last; a task that was made to run at once is queued from its making. */
function lastRun(events: readonly TaskEvent[], task: TaskView): readonly TaskEvent[] {
  // Going back to the queue for another node is the same attempt.
  const queued = events.findLastIndex(
    (event) => event.kind === "status.changed" && event.data["to"] === "queued" && event.data["from"] !== "delegated",
  );
  if (queued !== -1) return events.slice(queued);
  return task.status === "draft" || task.status === "ready" ? [] : events;
}

/** Time from the submission to the agent's first sign; null before it. */
export function getStartupTime(steps: readonly TimelineStep[]): number | null {
  const first = steps[0];
  const work = steps.find((step) => step.id === "work");
  return first === undefined || work === undefined ? null : work.started - first.started;
}
