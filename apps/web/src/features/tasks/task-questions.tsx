/** What is asked about a card: whether to cancel it, whether to delete it. */
import type { TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteTask } from "../../api/commands.ts";
import { forgetTask } from "../../api/board.ts";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { isIdle } from "./shown-status.ts";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";

export function CancelQuestion({
  task,
  onAnswer,
}: {
  readonly task: TaskView;
  readonly onAnswer: (yes: boolean) => void;
}) {
  return (
    <ConfirmDialog
      title={`Cancel “${visibleText(task.title)}”?`}
      consequence={describeConsequence(task)}
      yes="Cancel task"
      no={isIdle(task) ? "Keep task" : "Keep running"}
      onAnswer={onAnswer}
    />
  );
}

function describeConsequence(task: TaskView): string {
  if (isIdle(task)) return "It hasn't run yet. You can still run it later.";
  return task.status === "queued"
    ? "It leaves the queue. You can run it again later."
    : "The agent stops. Its transcript and commits are kept.";
}

interface DeleteQuestionProps {
  readonly task: TaskView;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

export function DeleteQuestion({ task, onDeleted, onClose }: DeleteQuestionProps) {
  const client = useQueryClient();
  const deleting = useMutation({
    mutationFn: () => deleteTask(task.projectId, task.id),
    onSuccess: () => {
      forgetTask(client, task.projectId, task.id);
      onDeleted();
    },
  });
  return (
    <ConfirmDialog
      title={`Delete “${visibleText(task.title)}”?`}
      consequence="It has never run. Its text will be lost."
      yes={deleting.isPending ? "Deleting…" : "Delete task"}
      no="Keep task"
      fault={deleting.isError ? getErrorMessage(deleting.error) : null}
      onAnswer={(yes) => (yes ? !deleting.isPending && deleting.mutate() : onClose())}
    />
  );
}
