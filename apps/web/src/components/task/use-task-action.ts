/** Runs, cancels or retries a task; the answer is shown before the socket tells it. A retry goes on in a session of its own. */
import type { TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { actOnTask, type TaskAction } from "../../data/commands.ts";
import { patchTask } from "../../data/live/feed.ts";

export function useTaskAction(task: TaskView) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (action: TaskAction) => actOnTask(task.projectId, task.id, action),
    onSuccess: (changed) => {
      patchTask(client, task.projectId, changed, []);
      if (changed.sessionId === task.sessionId) return;
      void navigate({
        to: "/p/$project/s/$session",
        params: { project: changed.projectId, session: changed.sessionId },
      });
    },
  });
}
