/** The questions about a task, one at a time. Loaded while the page is idle. */
import type { ProjectView, TaskView } from "@samovar/contracts";
import { CancelQuestion, DeleteQuestion } from "./task-questions.tsx";
import { EditTask } from "./edit-task.tsx";
import { isRunning } from "./shown-status.ts";
import type { TaskQuestion } from "./task-actions.tsx";

interface TaskDialogsProps {
  readonly question: TaskQuestion;
  readonly project: ProjectView;
  readonly task: TaskView;
  readonly onCancelTask: () => void;
  readonly onDeleted: () => void;
  readonly onClose: () => void;
}

export function TaskDialogs({ question, project, task, onCancelTask, onDeleted, onClose }: TaskDialogsProps) {
  switch (question) {
    case "edit":
      return <EditTask project={project} task={task} onClose={onClose} />;
    case "delete":
      return <DeleteQuestion task={task} onDeleted={onDeleted} onClose={onClose} />;
    case "cancel":
      // It may have ended while the dialog was open.
      return isRunning(task.status) ? (
        <CancelQuestion
          task={task}
          onAnswer={(yes) => {
            if (yes) onCancelTask();
            onClose();
          }}
        />
      ) : null;
  }
}
