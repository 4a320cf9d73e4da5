/** A project: its sessions at the side, one of them (or a new task) in the middle, the composer beneath. */
import type { ProjectId, SessionId } from "@samovar/base";
import type { ProjectView, TaskView } from "@samovar/contracts";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { PanelLeft, SquarePen } from "lucide-react";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { Composer } from "../components/composer/composer.tsx";
import { SessionList } from "../components/sessions/session-list.tsx";
import { OfflineBar } from "../components/shell/offline-bar.tsx";
import { patchTask } from "../data/live/feed.ts";
import { projectQuery } from "../data/queries.ts";
import { FeedContext, useProjectFeed } from "../data/use-live.ts";
import { Button, buttonClass } from "../ui/button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";

interface ProjectSceneProps {
  readonly project: ProjectId;
  readonly onOpenSession: (session: SessionId) => void;
  readonly children: ReactNode;
}

export function ProjectScene({ project, onOpenSession, children }: ProjectSceneProps) {
  const feed = useProjectFeed(project);
  const read = useQuery(projectQuery(project));
  if (read.data === undefined) {
    return (
      <main className="mx-auto w-full max-w-190 flex-1 p-6">
        {read.isError ? (
          <ErrorPanel what="The project could not be read." error={read.error} onRetry={() => void read.refetch()} />
        ) : (
          <Skeleton label="Reading the project" lines={[40, 90, 75, 60]} />
        )}
      </main>
    );
  }
  return (
    <FeedContext value={feed}>
      <OfflineBar />
      <Columns project={read.data} onOpenSession={onOpenSession}>
        {children}
      </Columns>
    </FeedContext>
  );
}

interface ColumnsProps {
  readonly project: ProjectView;
  readonly onOpenSession: (session: SessionId) => void;
  readonly children: ReactNode;
}

function Columns({ project, onOpenSession, children }: ColumnsProps) {
  const client = useQueryClient();
  const [drawer, setDrawer] = useState(false);
  const [saved, setSaved] = useState<TaskView | null>(null);
  const accepted = (task: TaskView, run: boolean) => {
    patchTask(client, project.id, task, []);
    setSaved(run ? null : task);
    if (run) onOpenSession(task.sessionId);
  };
  return (
    <div className="flex min-h-0 flex-1">
      <Sidebar project={project} open={drawer} onClose={() => setDrawer(false)} />
      <main className="flex min-w-0 flex-1 flex-col">
        <div className="border-b border-hairline px-2 py-1 tablet:hidden">
          <Button kind="quiet" aria-expanded={drawer} onClick={() => setDrawer(!drawer)}>
            <PanelLeft size={16} aria-hidden="true" />
            Sessions
          </Button>
        </div>
        {children}
        <p role="status" className="mx-auto w-full max-w-190 px-4 text-small text-ink-2 empty:hidden">
          {saved !== null && (
            <>
              Saved to the backlog:{" "}
              <Link
                to="/p/$project/s/$session"
                params={{ project: project.id, session: saved.sessionId }}
                className="text-accent underline"
              >
                {saved.title}
              </Link>
            </>
          )}
        </p>
        <Composer key={project.id} project={project} onAccepted={accepted} />
      </main>
    </div>
  );
}

interface SidebarProps {
  readonly project: ProjectView;
  readonly open: boolean;
  readonly onClose: () => void;
}

function Sidebar({ project, open, onClose }: SidebarProps) {
  return (
    <>
      {open && (
        <button
          type="button"
          aria-label="Close sessions"
          onClick={onClose}
          className="fixed inset-0 z-30 bg-ink/40 tablet:hidden"
        />
      )}
      <aside
        aria-label="Sessions"
        onKeyDown={(event) => event.key === "Escape" && onClose()}
        className={`${open ? "fixed inset-y-0 start-0 z-40 flex shadow-lg" : "hidden"} w-66 shrink-0 flex-col border-e border-hairline bg-sidebar tablet:static tablet:flex tablet:shadow-none`}
      >
        <div className="p-2">
          <Link
            to="/p/$project"
            params={{ project: project.id }}
            onClick={onClose}
            className={buttonClass("plain", "w-full")}
          >
            <SquarePen size={15} aria-hidden="true" />
            New task
          </Link>
        </div>
        <nav aria-label="Sessions of this project" className="min-h-0 flex-1 overflow-y-auto px-2 pb-2">
          <SessionList project={project} onChoose={onClose} />
        </nav>
      </aside>
    </>
  );
}
