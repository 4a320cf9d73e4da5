/** The plan while it is worked on, between the transcript and the composer: one line that opens upwards. */
import type { MessageView } from "@samovar/contracts";
import { clsx } from "clsx";
import { ChevronUp, ListChecks } from "lucide-react";
import { memo, useState } from "react";
import { useAction } from "../../shortcuts/actions.tsx";
import { parsePlan, PlanList } from "./plan-row.tsx";
import { visibleText } from "../../lib/visible-text.ts";

interface PlanStripProps {
  readonly message: MessageView;
  /** Whether the session still works. */
  readonly live: boolean;
}

export const PlanStrip = memo(function PlanStrip({ message, live }: PlanStripProps) {
  const [open, setOpen] = useState(false);
  useAction("session.plan", () => setOpen((now) => !now));
  const entries = parsePlan(message.content) ?? [];
  const done = entries.filter(({ status }) => status === "completed").length;
  const workedOn = live && done < entries.length;
  if (entries.length === 0 || (!workedOn && !open)) return null;
  const current = entries.find(({ status }) => status === "in_progress");
  return (
    <section aria-label="Plan" className="px-4">
      <div className="mx-auto w-full max-w-190 rounded-t-lg border border-b-0 border-hairline bg-raised text-ui">
        <button
          type="button"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
          className="flex min-h-9 w-full items-center gap-2 px-3 text-start hover:bg-inset pointer-coarse:min-h-11"
        >
          <ListChecks size={16} className="shrink-0 text-ink-3" aria-hidden="true" />
          <span className="shrink-0 font-medium text-ink-2">Plan</span>
          <span className="shrink-0 text-ink-3 tabular-nums">
            {done} of {entries.length}
          </span>
          {!open && current !== undefined && (
            <span className="min-w-0 truncate text-ink-2">{visibleText(current.content)}</span>
          )}
          <ChevronUp
            size={14}
            className={clsx("ms-auto shrink-0 text-ink-3", open && "rotate-180")}
            aria-hidden="true"
          />
        </button>
        {open && (
          <div tabIndex={0} role="group" aria-label="Plan steps" className="max-h-[40vh] overflow-y-auto px-3 pb-2">
            <PlanList entries={entries} />
          </div>
        )}
      </div>
    </section>
  );
});
