/** Runs, cancels or retries a task; the answer is shown before the socket tells it. */
import type { TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { actOnTask, type TaskAction } from "../../data/commands.ts";
import { patchTask } from "../../data/live/feed.ts";

export function useTaskAction(task: TaskView) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (action: TaskAction) => actOnTask(task.projectId, task.id, action),
    onSuccess: (changed) => patchTask(client, task.projectId, changed, []),
  });
}
