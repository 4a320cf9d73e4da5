/** The start page of a project: the last visited session, else the newest, else a first task. Chosen once, so that nothing moves under a reader. */
import type { ProjectId } from "@samovar/base";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { lastPlaces } from "../features/shell/last-places.ts";
import { sessionsQuery } from "../api/queries.ts";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { SessionRedirect } from "./session-redirect.tsx";
import { NewTask } from "./new-task.tsx";

export function ChatHome({ project }: { readonly project: ProjectId }) {
  const sessions = useInfiniteQuery(sessionsQuery(project));
  const [isFirst, setIsFirst] = useState<boolean | null>(null);
  const rows = sessions.data?.pages[0]?.items ?? [];
  const last = lastPlaces.session(project);
  const target = rows.find(({ id }) => id === last) ?? rows[0];
  if (sessions.data !== undefined && isFirst === null) setIsFirst(target === undefined);
  if (isFirst === true) return <NewTask project={project} />;
  if (target !== undefined) return <SessionRedirect project={project} session={target.id} />;
  return (
    <div className="mx-auto w-full max-w-190 flex-1 p-6">
      {sessions.isError ? (
        <ErrorPanel what="Couldn't load sessions." error={sessions.error} onRetry={() => void sessions.refetch()} />
      ) : (
        <Skeleton label="Loading sessions" lines={[55, 100, 92, 70]} />
      )}
    </div>
  );
}
