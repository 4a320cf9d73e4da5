/** How a run came up, step by step with durations; live while it does, folded once the agent works. */
import type { TaskView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleCheck, ChevronRight, OctagonX } from "lucide-react";
import { useId, useState } from "react";
import { taskEventsQuery } from "../../api/queries.ts";
import { Elapsed } from "../../ui/moment.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { formatDuration, formatMoment } from "../../lib/format-time.ts";
import { getStartupTime, toTimeline, type TimelineStep } from "./timeline.ts";

const WORDS: Readonly<Record<TimelineStep["id"], string>> = {
  queued: "Queued",
  wait: "Waiting",
  choose: "Node",
  prepare: "Workspace",
  start: "Agent",
  work: "Work",
  finish: "Finish",
};

export interface Startup {
  readonly id: string;
  readonly steps: readonly TimelineStep[];
  readonly failed: boolean;
  /** Milliseconds until the agent's first sign; null before it. */
  readonly took: number | null;
  readonly open: boolean;
  readonly toggle: () => void;
}

/** Null before the first run. */
export function useStartup(task: TaskView): Startup | null {
  const id = useId();
  const { data: events = [] } = useQuery(taskEventsQuery(task.projectId, task.id));
  const [chosen, setChosen] = useState<boolean | null>(null);
  const steps = toTimeline(events, task);
  if (steps.length === 0) return null;
  const took = getStartupTime(steps);
  const open = chosen ?? (took === null && task.status !== "cancelled");
  return { id, steps, failed: task.status === "failed", took, open, toggle: () => setChosen(!open) };
}

export function StartupToggle({ startup }: { readonly startup: Startup }) {
  return (
    <button
      type="button"
      aria-expanded={startup.open}
      aria-controls={startup.id}
      onClick={startup.toggle}
      className="inline-flex min-h-6 shrink-0 items-center gap-1 rounded hover:text-ink pointer-coarse:min-h-11"
    >
      <ChevronRight size={14} className={clsx(startup.open && "rotate-90")} aria-hidden="true" />
      {startup.took === null ? "Start-up" : `Started in ${formatDuration(startup.took)}`}
    </button>
  );
}

export function StartupSteps({ startup }: { readonly startup: Startup }) {
  return (
    <ol
      id={startup.id}
      hidden={!startup.open}
      aria-label="Start-up"
      className="flex gap-x-4 gap-y-1 overflow-x-auto text-small text-ink-2 tablet:flex-wrap"
    >
      {startup.steps.map((step, index) => (
        <Step key={step.id} step={step} failed={startup.failed && index === startup.steps.length - 1} />
      ))}
    </ol>
  );
}

function Step({ step, failed }: { readonly step: TimelineStep; readonly failed: boolean }) {
  return (
    <li className="inline-flex shrink-0 items-center gap-1.5" title={`Started ${formatMoment(step.started)}`}>
      {failed && <OctagonX size={14} className="text-failed" aria-hidden="true" />}
      {!failed && step.finished !== null && <CircleCheck size={14} className="text-done" aria-hidden="true" />}
      {!failed && step.finished === null && <HalfCircle size={14} className="text-working" />}
      {WORDS[step.id]}
      <span className="text-ink-3 tabular-nums">
        {step.finished === null ? (
          <Elapsed from={step.started} everyMs={200} />
        ) : (
          formatDuration(step.finished - step.started)
        )}
      </span>
      {step.isDelayed === true && <span className="text-ink-3">node busy</span>}
      {failed && <span className="sr-only">failed</span>}
    </li>
  );
}
