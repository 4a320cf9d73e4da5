/** Edits a task that hasn't run yet; of a queued task, only its priority and dependencies. */
import type { PatchTask, ProjectView, TaskView } from "@samovar/contracts";
import { LIMITS, patchTask as schema } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { useId, useState, type FormEvent } from "react";
import { tasksQuery } from "../../api/queries.ts";
import { Button } from "../../ui/button.tsx";
import { CONTROL, Field } from "../../ui/field.tsx";
import { Chips } from "./depends-on.tsx";
import { OptionFields, PriorityChoice } from "./option-fields.tsx";
import { Refusal } from "../errors/refusal.tsx";
import { findBranchFault, toFields, toOptions, type TaskOptions } from "./task-options.ts";
import { useTaskEdit } from "./use-task-edit.ts";

interface TaskFormProps {
  readonly project: ProjectView;
  readonly task: TaskView;
  readonly onSaved: (task: TaskView) => void;
  readonly onCancel: () => void;
}

export function TaskForm({ project, task, onSaved, onCancel }: TaskFormProps) {
  const [title, setTitle] = useState(task.title);
  const [text, setText] = useState(task.description);
  const [options, setOptions] = useState(() => toOptions(task));
  const [faults, setFaults] = useState<Faults>({});
  const save = useTaskEdit(task);
  const isQueued = task.status === "queued";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const checked = check(
      isQueued ? queueFields(options) : { title, description: text, ...toFields(options) },
      options,
    );
    setFaults(checked.faults);
    if (checked.patch !== null) save.mutate(checked.patch, { onSuccess: onSaved });
  };
  return (
    <form noValidate aria-label="Task" onSubmit={submit} className="flex min-h-0 flex-col">
      <div className="flex min-h-0 flex-col gap-4 overflow-y-auto px-5 pt-3 pb-4">
        {isQueued ? (
          <QueueFields task={task} options={options} onChange={setOptions} />
        ) : (
          <>
            <Field
              label="Title"
              value={title}
              maxLength={LIMITS.taskTitleMaxChars}
              fault={faults.title}
              onChange={(event) => setTitle(event.target.value)}
            />
            <TextField value={text} fault={faults.description} onChange={setText} />
            <OptionFields project={project} task={task.id} value={options} onChange={setOptions} />
          </>
        )}
        {faults.other !== undefined && (
          <p role="alert" className="text-small text-failed">
            {faults.other}
          </p>
        )}
        {save.isError && <Refusal what="Couldn't save the task." error={save.error} />}
      </div>
      <div className="flex justify-end gap-2 border-t border-hairline px-5 py-3">
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" kind="primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : "Save"}
        </Button>
      </div>
    </form>
  );
}

interface QueueFieldsProps {
  readonly task: TaskView;
  readonly options: TaskOptions;
  readonly onChange: (options: TaskOptions) => void;
}

function QueueFields({ task, options, onChange }: QueueFieldsProps) {
  const { data: tasks = [] } = useQuery(tasksQuery(task.projectId));
  return (
    <>
      <p className="text-ui text-ink-2">
        This task is queued. You can change its priority and remove dependencies. To change anything else, cancel it
        first.
      </p>
      <PriorityChoice value={options.priority} onChange={(priority) => onChange({ ...options, priority })} />
      <Chips tasks={tasks} value={options.dependsOn} onChange={(dependsOn) => onChange({ ...options, dependsOn })} />
    </>
  );
}

interface TextFieldProps {
  readonly value: string;
  readonly fault: string | undefined;
  readonly onChange: (value: string) => void;
}

function TextField({ value, fault, onChange }: TextFieldProps) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        Description
      </label>
      <textarea
        id={id}
        rows={5}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${id}-fault`}
        onChange={(event) => onChange(event.target.value)}
        className={`${CONTROL} max-h-[35vh] resize-y py-2 [field-sizing:content]`}
      />
      {fault !== undefined && (
        <p id={`${id}-fault`} className="text-small text-failed">
          {fault}
        </p>
      )}
    </div>
  );
}

interface Faults {
  readonly title?: string;
  readonly description?: string;
  readonly other?: string;
}

const queueFields = ({ priority, dependsOn }: TaskOptions) => ({ priority, dependsOn: [...dependsOn] });

function check(wanted: unknown, options: TaskOptions): { readonly patch: PatchTask | null; readonly faults: Faults } {
  // The branch field says what is wrong with it.
  if (findBranchFault(options.baseBranch) !== null)
    return { patch: null, faults: { other: "The base branch isn't a valid branch name." } };
  const checked = schema.safeParse(wanted);
  if (checked.success) return { patch: checked.data, faults: {} };
  const issue = checked.error.issues[0];
  const said = issue?.message ?? "This can't be saved.";
  if (issue?.path[0] === "title") return { patch: null, faults: { title: "Give the task a title." } };
  return { patch: null, faults: issue?.path[0] === "description" ? { description: said } : { other: said } };
}
