/** A task's workspace. The project's socket doesn't report its changes, so it is read again when the task's status changes, and until its state is final. */
import type { TaskView, WorkspaceState, WorkspaceView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { workspaceQuery } from "../../api/workspaces.ts";

const AGAIN_MS = 3_000;
const RESTS: ReadonlySet<WorkspaceState> = new Set(["retained", "destroyed", "failed"]);

export function useTaskWorkspace(task: TaskView): WorkspaceView | null {
  const { data, refetch } = useQuery({
    ...workspaceQuery(task.workspaceId),
    refetchInterval: ({ state }) =>
      task.endedAt !== null && state.data !== undefined && !RESTS.has(state.data.state) ? AGAIN_MS : false,
  });
  const read = useRef(task.status);
  useEffect(() => {
    if (read.current === task.status) return;
    read.current = task.status;
    if (task.workspaceId !== null) void refetch();
  }, [task.status, task.workspaceId, refetch]);
  return data ?? null;
}
