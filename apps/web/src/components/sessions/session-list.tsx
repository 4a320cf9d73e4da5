/** A project's sessions, newest first, live: what each is about, how it stands and when it last moved. */
import type { SessionId } from "@samovar/base";
import type { ProjectView, SessionView, TaskView } from "@samovar/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { sessionsQuery, tasksQuery } from "../../data/queries.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../../ui/error-panel.tsx";
import { Ago } from "../../ui/moment.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { StatusIcon, statusWord } from "../../ui/status-mark.tsx";
import { sessionStatusShown, shownStatus } from "../task/shown-status.ts";
import { visibleText } from "../transcript/visible-text.ts";

interface SessionListProps {
  readonly project: ProjectView;
  readonly onChoose?: () => void;
}

export function SessionList({ project, onChoose }: SessionListProps) {
  const sessions = useInfiniteQuery(sessionsQuery(project.id));
  const { data: tasks = [] } = useQuery(tasksQuery(project.id));
  if (sessions.isPending) return <Skeleton label="Reading sessions" lines={[80, 60, 90, 70]} className="p-3" />;
  if (sessions.isError && sessions.data === undefined) {
    return (
      <ErrorPanel what="Sessions could not be read." error={sessions.error} onRetry={() => void sessions.refetch()} />
    );
  }
  const rows = sessions.data.pages.flatMap((page) => page.items);
  if (rows.length === 0)
    return <p className="p-3 text-ui text-ink-2">No sessions yet. Describe a task below and run it.</p>;
  // A task that was tried again speaks for its latest session only.
  const bySession = new Map<SessionId, TaskView>(tasks.map((task) => [task.sessionId, task]));
  return (
    <>
      <ul className="flex flex-col gap-0.5">
        {rows.map((session) => (
          <li key={session.id}>
            <SessionRow session={session} task={bySession.get(session.id)} onChoose={onChoose} />
          </li>
        ))}
      </ul>
      {sessions.hasNextPage && (
        <Button
          kind="quiet"
          className="m-2"
          disabled={sessions.isFetchingNextPage}
          onClick={() => void sessions.fetchNextPage()}
        >
          Show older
        </Button>
      )}
    </>
  );
}

interface SessionRowProps {
  readonly session: SessionView;
  readonly task: TaskView | undefined;
  readonly onChoose: (() => void) | undefined;
}

function SessionRow({ session, task, onChoose }: SessionRowProps) {
  const status = task === undefined ? sessionStatusShown(session) : shownStatus(task);
  return (
    <Link
      to="/p/$project/s/$session"
      params={{ project: session.projectId, session: session.id }}
      onClick={onChoose}
      className="flex gap-2 rounded-md px-2.5 py-2 text-ui hover:bg-inset"
      activeProps={{ className: "bg-accent-tint hover:bg-accent-tint", "aria-current": "page" }}
    >
      <span className="mt-0.5">
        <StatusIcon status={status} />
      </span>
      <span className="min-w-0 flex-1">
        <span className="line-clamp-2 wrap-anywhere">{visibleText(session.topic ?? task?.title ?? "Untitled")}</span>
        <span className="flex justify-between gap-2 text-small text-ink-3">
          <span>{statusWord(status)}</span>
          <Ago at={session.lastMessageAt ?? session.startedAt} />
        </span>
      </span>
    </Link>
  );
}
