/** A project: read once, kept live; its pages are inside. */
import type { ProjectId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { ProjectMark } from "../features/sessions/project-mark.tsx";
import { OfflineBar } from "../features/shell/offline-bar.tsx";
import { getViewLocation } from "../features/shell/project-views.ts";
import { isApiError } from "../api/client.ts";
import { projectQuery } from "../api/queries.ts";
import { FeedContext, useProjectFeed } from "../api/use-live.ts";
import { ProjectContext } from "../api/use-project.ts";
import { useAction } from "../shortcuts/actions.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { Missing } from "./missing.tsx";

export function ProjectLayout({ project }: { readonly project: ProjectId }) {
  const read = useQuery(projectQuery(project));
  const missing = isApiError(read.error, "not_found");
  const feed = useProjectFeed(project, !missing);
  const navigate = useNavigate();
  useAction("go.chat", () => void navigate(getViewLocation(project, "chat")));
  useAction("go.board", () => void navigate(getViewLocation(project, "board")));
  if (missing) return <Missing what="project" />;
  if (read.data === undefined) {
    return (
      <main className="mx-auto w-full max-w-190 flex-1 p-6">
        {read.isError ? (
          <ErrorPanel what="Couldn't load the project." error={read.error} onRetry={() => void read.refetch()} />
        ) : (
          <Skeleton label="Loading the project" lines={[40, 90, 75, 60]} />
        )}
      </main>
    );
  }
  return (
    <FeedContext value={feed}>
      <ProjectContext value={read.data}>
        <ProjectMark project={project} />
        <OfflineBar />
        <Outlet />
      </ProjectContext>
    </FeedContext>
  );
}
