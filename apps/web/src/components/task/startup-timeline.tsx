/** How a run came up, step by step with durations; live while it does, one line once the agent works. */
import type { TaskView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleCheck, ChevronRight, OctagonX } from "lucide-react";
import { useState } from "react";
import { taskEventsQuery } from "../../data/queries.ts";
import { Elapsed } from "../../ui/moment.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { durationWords, momentWords } from "../../ui/time-words.ts";
import { startedIn, timelineOf, type TimelineStep } from "./timeline.ts";

const WORDS: Readonly<Record<TimelineStep["id"], string>> = {
  queued: "Queued",
  wait: "In line",
  choose: "Node",
  prepare: "Workspace",
  start: "Agent",
  work: "Work",
  finish: "Finish",
};

export function StartupTimeline({ task }: { readonly task: TaskView }) {
  const { data: events = [] } = useQuery(taskEventsQuery(task.projectId, task.id));
  const steps = timelineOf(events, task);
  const took = startedIn(steps);
  const [chosen, setChosen] = useState<boolean | null>(null);
  if (steps.length === 0) return null;
  const failedEarly = task.status === "failed" && took === null;
  const open = chosen ?? (took === null && (failedEarly || task.status !== "cancelled"));
  return (
    <section aria-label="Start-up" className="text-small text-ink-2">
      <button
        type="button"
        aria-expanded={open}
        onClick={() => setChosen(!open)}
        className="inline-flex min-h-6 items-center gap-1 rounded hover:text-ink"
      >
        <ChevronRight size={14} className={clsx(open && "rotate-90")} aria-hidden="true" />
        {took === null ? "Start-up" : `Started in ${durationWords(took)}`}
      </button>
      {open && (
        <ol className="mt-1 flex flex-wrap gap-x-4 gap-y-1">
          {steps.map((step, index) => (
            <Step key={step.id} step={step} failed={task.status === "failed" && index === steps.length - 1} />
          ))}
        </ol>
      )}
    </section>
  );
}

function Step({ step, failed }: { readonly step: TimelineStep; readonly failed: boolean }) {
  return (
    <li className="inline-flex items-center gap-1.5" title={`Began ${momentWords(step.began)}`}>
      {failed && <OctagonX size={14} className="text-failed" aria-hidden="true" />}
      {!failed && step.ended !== null && <CircleCheck size={14} className="text-done" aria-hidden="true" />}
      {!failed && step.ended === null && <HalfCircle size={14} className="text-working" />}
      {WORDS[step.id]}
      <span className="text-ink-3 tabular-nums">
        {step.ended === null ? <Elapsed from={step.began} everyMs={200} /> : durationWords(step.ended - step.began)}
      </span>
      {failed && <span className="sr-only">failed</span>}
    </li>
  );
}
