/** The agent's plan as a checklist. */
import { parseJson } from "@samovar/base";
import { planEntries, type PlanEntries } from "@samovar/contracts";
import { clsx } from "clsx";
import { CircleCheck, CircleDashed, ListChecks } from "lucide-react";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { visibleText } from "../../lib/visible-text.ts";

type EntryStatus = PlanEntries[number]["status"];

const WORDS: Readonly<Record<EntryStatus, string>> = {
  pending: "to do",
  in_progress: "in progress",
  completed: "done",
};

export function PlanRow({ content }: { readonly content: string }) {
  const entries = parsePlan(content);
  if (entries === null) return <pre className="overflow-x-auto font-mono text-code whitespace-pre-wrap">{content}</pre>;
  const done = entries.filter((entry) => entry.status === "completed").length;
  return (
    <section className="rounded-md border border-hairline px-3 py-2 text-ui">
      <h3 className="flex items-center gap-2 text-small font-medium text-ink-2">
        <ListChecks size={16} aria-hidden="true" />
        Plan
        <span className="font-normal text-ink-3 tabular-nums">
          {done} of {entries.length} done
        </span>
      </h3>
      <PlanList entries={entries} />
    </section>
  );
}

export function PlanList({ entries }: { readonly entries: PlanEntries }) {
  return (
    <ul className="mt-1.5 flex flex-col gap-1">
      {entries.map((entry, index) => (
        <li key={index} className="flex gap-2">
          <EntryMark status={entry.status} />
          <span className={clsx("min-w-0 wrap-anywhere", entry.status === "completed" && "text-ink-3 line-through")}>
            {visibleText(entry.content)}
          </span>
        </li>
      ))}
    </ul>
  );
}

function EntryMark({ status }: { readonly status: EntryStatus }) {
  return (
    <span className="mt-1 shrink-0">
      {status === "completed" && <CircleCheck size={15} className="text-done" aria-hidden="true" />}
      {status === "in_progress" && <HalfCircle size={15} className="text-working" />}
      {status === "pending" && <CircleDashed size={15} className="text-ink-3" aria-hidden="true" />}
      <span className="sr-only">{WORDS[status]}: </span>
    </span>
  );
}

/** Null while a plan cannot be read as one. */
export function parsePlan(content: string): PlanEntries | null {
  return planEntries.safeParse(parseJson(content)).data ?? null;
}
