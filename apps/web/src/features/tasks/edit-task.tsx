/** The form of a task in a dialog. Loaded when it is asked for. */
import type { ProjectView, TaskView } from "@samovar/contracts";
import { Dialog } from "../../ui/dialog.tsx";
import { TaskForm } from "./task-form.tsx";

interface EditTaskProps {
  readonly project: ProjectView;
  readonly task: TaskView;
  readonly onClose: () => void;
}

export function EditTask({ project, task, onClose }: EditTaskProps) {
  return (
    <Dialog title="Edit task" onClose={onClose} className="max-w-170!">
      <TaskForm project={project} task={task} onSaved={onClose} onCancel={onClose} />
    </Dialog>
  );
}
