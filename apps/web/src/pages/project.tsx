/** A project: read once, fed live; its faces and pages stand inside. */
import type { ProjectId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { ProjectMark } from "../features/sessions/project-mark.tsx";
import { OfflineBar } from "../features/shell/offline-bar.tsx";
import { placeOf } from "../features/shell/project-views.ts";
import { isApiError } from "../api/client.ts";
import { projectQuery } from "../api/queries.ts";
import { FeedContext, useProjectFeed } from "../api/use-live.ts";
import { ProjectContext } from "../api/use-project.ts";
import { useAction } from "../shortcuts/actions.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { Missing } from "./missing.tsx";

export function ProjectScene({ project }: { readonly project: ProjectId }) {
  const read = useQuery(projectQuery(project));
  const missing = isApiError(read.error, "not_found");
  const feed = useProjectFeed(project, !missing);
  const navigate = useNavigate();
  useAction("go.chat", () => void navigate(placeOf(project, "chat")));
  useAction("go.board", () => void navigate(placeOf(project, "board")));
  if (missing) return <Missing what="project" />;
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
      <ProjectContext value={read.data}>
        <ProjectMark project={project} />
        <OfflineBar />
        <Outlet />
      </ProjectContext>
    </FeedContext>
  );
}
