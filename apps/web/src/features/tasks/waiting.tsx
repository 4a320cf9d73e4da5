/** Why a queued task does not run yet, and which tasks are before it. */
import type { TaskId } from "@samovar/base";
import type { TaskView, TaskWaiting } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Clock, TriangleAlert } from "lucide-react";
import { tasksQuery } from "../../api/queries.ts";
import { Elapsed } from "../../ui/moment.tsx";
import { StatusIcon, labelStatus } from "../../ui/status-mark.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { getShownStatus } from "./shown-status.ts";

export function Waiting({ task, waiting }: { readonly task: TaskView; readonly waiting: TaskWaiting }) {
  const blocked = waiting.code === "dependency_failed";
  return (
    <article
      aria-label="Current status"
      className="flex flex-col gap-1.5 rounded-lg border border-hairline px-3.5 py-3 text-ui"
    >
      <p className="flex gap-2">
        {blocked ? (
          <TriangleAlert size={16} className="mt-0.5 shrink-0 text-working" aria-hidden="true" />
        ) : (
          <Clock size={16} className="mt-0.5 shrink-0 text-queued" aria-hidden="true" />
        )}
        <span className="min-w-0 flex-1 wrap-anywhere">{visibleText(waiting.message)}</span>
        <span className="shrink-0 text-small text-ink-3">
          <Elapsed from={waiting.since} />
        </span>
      </p>
      {waiting.taskIds.length > 0 && <Before task={task} ids={waiting.taskIds} />}
      {blocked && (
        <p className="text-small text-ink-2">
          Run that task again, remove it from this task's dependencies, or cancel this task.
        </p>
      )}
    </article>
  );
}

function Before({ task, ids }: { readonly task: TaskView; readonly ids: readonly TaskId[] }) {
  const { data: tasks = [] } = useQuery(tasksQuery(task.projectId));
  const known = ids.flatMap((id) => tasks.find((each) => each.id === id) ?? []);
  if (known.length === 0) return null;
  return (
    <ul aria-label="Waiting for" className="flex flex-col gap-0.5 ps-6 text-small">
      {known.map((each) => (
        <li key={each.id} className="flex min-w-0 items-center gap-2">
          <StatusIcon status={getShownStatus(each)} size={14} />
          <span className="sr-only">{labelStatus(getShownStatus(each))}</span>
          <Link
            to="/p/$project/s/$session"
            params={{ project: each.projectId, session: each.sessionId }}
            className="min-w-0 truncate text-accent underline"
          >
            {visibleText(each.title)}
          </Link>
        </li>
      ))}
    </ul>
  );
}
