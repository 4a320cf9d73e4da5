/** A task's address redirects to its session. */
import type { ProjectId, TaskId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { isApiError } from "../api/client.ts";
import { taskQuery } from "../api/queries.ts";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { SessionRedirect } from "./session-redirect.tsx";
import { Missing } from "./missing.tsx";

export function TaskRedirect({ project, task: taskId }: { readonly project: ProjectId; readonly task: TaskId }) {
  const task = useQuery(taskQuery(project, taskId));
  if (task.data !== undefined) return <SessionRedirect project={project} session={task.data.sessionId} />;
  if (isApiError(task.error, "not_found")) return <Missing what="task" project={project} />;
  return (
    <div className="mx-auto w-full max-w-190 flex-1 p-6">
      {task.isError ? (
        <ErrorPanel what="Couldn't load the task." error={task.error} onRetry={() => void task.refetch()} />
      ) : (
        <Skeleton label="Loading the task" lines={[50, 90]} />
      )}
    </div>
  );
}
