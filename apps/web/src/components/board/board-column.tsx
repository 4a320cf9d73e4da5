/** One column: its status, how many, its cards. */
import { Link } from "@tanstack/react-router";
import { StatusIcon, statusWord } from "../../ui/status-mark.tsx";
import { shownStatus } from "../task/shown-status.ts";
import { visibleText } from "../transcript/visible-text.ts";
import type { Column } from "./columns.ts";

export function BoardColumn({ column }: { readonly column: Column }) {
  const { status, tasks } = column;
  return (
    <section aria-label={statusWord(status)} className="flex w-72 shrink-0 flex-col rounded-lg bg-sidebar">
      <h2 className="flex items-center gap-2 px-3 py-2 text-ui font-medium">
        <StatusIcon status={status} />
        {statusWord(status)}
        <span className="ms-auto text-small text-ink-3 tabular-nums">{tasks.length}</span>
      </h2>
      <ul className="flex min-h-0 flex-1 flex-col gap-2 overflow-y-auto px-2 pb-2">
        {tasks.map((task) => (
          <li key={task.id}>
            <Link
              to="/p/$project/s/$session"
              params={{ project: task.projectId, session: task.sessionId }}
              className="block rounded-lg border border-hairline bg-raised p-3 text-ui hover:border-control"
            >
              <span className="line-clamp-2 wrap-anywhere">{visibleText(task.title)}</span>
              <span className="sr-only">, {statusWord(shownStatus(task))}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
