/** Runs, cancels or retries a task; the response is shown before the socket delivers it. A retry starts a new session. */
import type { TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { actOnTask, type TaskAction } from "../../api/commands.ts";
import { patchTask } from "../../api/live/feed.ts";
import { useStillHere } from "../../ui/use-still-here.ts";

export function useTaskAction(task: TaskView) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const markPlace = useStillHere();
  return useMutation({
    onMutate: () => ({ isStillHere: markPlace() }),
    mutationFn: (action: TaskAction) => actOnTask(task.projectId, task.id, action),
    onSuccess: (changed, _action, { isStillHere }) => {
      patchTask(client, task.projectId, changed, []);
      if (changed.sessionId === task.sessionId || !isStillHere()) return;
      void navigate({
        to: "/p/$project/s/$session",
        params: { project: changed.projectId, session: changed.sessionId },
      });
    },
  });
}
