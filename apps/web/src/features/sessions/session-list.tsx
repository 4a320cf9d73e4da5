/** A project's sessions, newest first, live: what each is about, how it stands, what is new in it and when it last moved. */
import type { SessionId } from "@samovar/base";
import type { ProjectView, SessionView, TaskView } from "@samovar/contracts";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { SessionFilter } from "../../api/query-keys.ts";
import { isFiltering, sessionsQuery, tasksQuery } from "../../api/queries.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useSettled } from "../../ui/use-settled.ts";
import { SessionFilters } from "./session-filters.tsx";
import { SessionRow } from "./session-row.tsx";

interface SessionListProps {
  readonly project: ProjectView;
  readonly onChoose?: (() => void) | undefined;
}

export function SessionList({ project, onChoose }: SessionListProps) {
  const [filter, setFilter] = useState<SessionFilter>({});
  const asked = useSettled(filter);
  const sessions = useInfiniteQuery(sessionsQuery(project.id, asked));
  const rows = useMemo(() => sessions.data?.pages.flatMap((page) => page.items) ?? [], [sessions.data]);
  useNeighbours(project, rows);
  return (
    <>
      <SessionFilters filter={filter} onChange={setFilter} />
      <nav aria-label="Sessions of this project" className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
        {sessions.isPending && <Skeleton label="Loading sessions" lines={[80, 60, 90, 70]} className="p-3" />}
        {sessions.isError && sessions.data === undefined && (
          <ErrorPanel what="Couldn't load sessions." error={sessions.error} onRetry={() => void sessions.refetch()} />
        )}
        {sessions.data !== undefined && rows.length === 0 && (
          <Empty filtering={isFiltering(asked)} onClear={() => setFilter({})} />
        )}
        <Rows project={project} rows={rows} onChoose={onChoose} />
        {sessions.hasNextPage && (
          <Older loading={sessions.isFetchingNextPage} onReached={() => void sessions.fetchNextPage()} />
        )}
      </nav>
    </>
  );
}

function Empty({ filtering, onClear }: { readonly filtering: boolean; readonly onClear: () => void }) {
  if (!filtering) return <p className="p-3 text-ui text-ink-2">No sessions yet. Describe a task and run it.</p>;
  return (
    <div className="flex flex-col items-start gap-2 p-3 text-ui text-ink-2">
      <p role="status">No matching sessions.</p>
      <Button onClick={onClear}>Show all</Button>
    </div>
  );
}

interface RowsProps {
  readonly project: ProjectView;
  readonly rows: readonly SessionView[];
  readonly onChoose: (() => void) | undefined;
}

function Rows({ project, rows, onChoose }: RowsProps) {
  const { data: tasks = [] } = useQuery(tasksQuery(project.id));
  // A task that was tried again speaks for its latest session only.
  const bySession = useMemo(() => new Map<SessionId, TaskView>(tasks.map((task) => [task.sessionId, task])), [tasks]);
  return (
    <ul className="flex flex-col gap-0.5">
      {rows.map((session) => (
        <li key={session.id} className="[contain-intrinsic-size:auto_60px] [content-visibility:auto]">
          <SessionRow session={session} task={bySession.get(session.id)} onChoose={onChoose} />
        </li>
      ))}
    </ul>
  );
}

/** Loads the next page when its place becomes visible. */
function Older({ loading, onReached }: { readonly loading: boolean; readonly onReached: () => void }) {
  const mark = useRef<HTMLParagraphElement>(null);
  const reached = useRef(onReached);
  useEffect(() => {
    reached.current = onReached;
  });
  useEffect(() => {
    if (mark.current === null || loading) return;
    const observer = new IntersectionObserver((seen) => {
      if (seen.some((entry) => entry.isIntersecting)) reached.current();
    });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [loading]);
  return (
    <p ref={mark} className="p-3 text-small text-ink-3">
      {loading ? "Loading older sessions…" : "Older sessions"}
    </p>
  );
}

function useNeighbours(project: ProjectView, rows: readonly SessionView[]): void {
  const navigate = useNavigate();
  const { session: open } = useParams({ strict: false });
  const go = (step: 1 | -1) => {
    const here = rows.findIndex(({ id }) => id === open);
    const next = rows[here === -1 ? 0 : here + step];
    if (next !== undefined)
      void navigate({ to: "/p/$project/s/$session", params: { project: project.id, session: next.id } });
  };
  useAction("session.next", () => go(1));
  useAction("session.previous", () => go(-1));
}
