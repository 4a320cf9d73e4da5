/** What is asked about a card: whether to cancel it, whether to delete it. */
import type { TaskView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteTask } from "../../api/commands.ts";
import { forgetTask } from "../../api/board.ts";
import { messageOf } from "../errors/error-panel.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { isIdle } from "./shown-status.ts";
import { Question } from "../../ui/confirm-dialog.tsx";

export function CancelQuestion({
  task,
  onAnswer,
}: {
  readonly task: TaskView;
  readonly onAnswer: (yes: boolean) => void;
}) {
  return (
    <Question
      title={`Cancel “${visibleText(task.title)}”?`}
      consequence={consequenceOf(task)}
      yes="Cancel the task"
      no={isIdle(task) ? "Keep it" : "Let it run"}
      onAnswer={onAnswer}
    />
  );
}

function consequenceOf(task: TaskView): string {
  if (isIdle(task)) return "It has not run. It can still run from Cancelled.";
  return task.status === "queued"
    ? "It leaves the line. It can run again later."
    : "The agent is stopped. Its transcript stays, and so does what it has committed.";
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
    <Question
      title={`Delete “${visibleText(task.title)}”?`}
      consequence="It has never run. Its text is gone for good."
      yes={deleting.isPending ? "Deleting…" : "Delete the task"}
      no="Keep it"
      fault={deleting.isError ? messageOf(deleting.error) : null}
      onAnswer={(yes) => (yes ? !deleting.isPending && deleting.mutate() : onClose())}
    />
  );
}
