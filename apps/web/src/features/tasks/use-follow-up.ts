/** Fills the composer with a follow-up: it depends on this task, and starts from its branch if that was pushed. */
import type { TaskView } from "@samovar/contracts";
import { useActions } from "../../shortcuts/actions.tsx";
import { fillDraft } from "./draft.ts";

export function useFollowUp(task: TaskView): () => void {
  const actions = useActions();
  return () => {
    fillDraft(task.projectId, {
      // A failed task would block the follow-up until someone runs it again.
      dependsOn: task.status === "completed" ? [task.id] : [],
      baseBranch: task.output?.branch ?? "",
      agent: task.agent,
      model: task.model,
      permissionMode: task.permissionMode,
      vmSize: task.vmSize,
    });
    actions.getState().perform("task.new");
  };
}
