/** Edits a task; the response is shown before the socket delivers it. */
import type { PatchTask, TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { editTask } from "../../api/commands.ts";
import { patchTask } from "../../api/live/feed.ts";

export function useTaskEdit(task: TaskView) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (patch: PatchTask) => editTask(task.projectId, task.id, patch),
    onSuccess: (changed) => patchTask(client, changed.projectId, changed, []),
  });
}
