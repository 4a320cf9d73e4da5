/** Where a task is described and run. Running costs money, so a plain Enter is a new line and nothing is sent by itself. */
import type { ProjectView, TaskView } from "@samovar/contracts";
import { createTask } from "@samovar/contracts";
import { useId, useState, type KeyboardEvent } from "react";
import { useSubmissions } from "../../data/app-state.tsx";
import { useConnectionWord } from "../../data/use-live.ts";
import { Advanced } from "./advanced.tsx";
import { emptyDraft, toTask, useDraft } from "./draft.ts";
import { RunButton } from "./run-button.tsx";
import { PendingSubmissions } from "./pending-submissions.tsx";

interface ComposerProps {
  readonly project: ProjectView;
  /** Called with the task that the server accepted. */
  readonly onAccepted: (task: TaskView, run: boolean) => void;
}

export function Composer({ project, onAccepted }: ComposerProps) {
  const id = useId();
  const [draft, setDraft] = useDraft(project.id);
  const [fault, setFault] = useState<string | null>(null);
  const submissions = useSubmissions();
  const offline = useConnectionWord() === "offline";

  const submit = async (run: boolean) => {
    const task = toTask(draft, run);
    const checked = createTask.safeParse(task);
    if (!checked.success) return setFault(checked.error.issues[0]?.message ?? "this text cannot be sent");
    if (run && offline) return setFault("there is no connection now; your text is kept here");
    setFault(null);
    setDraft({ ...emptyDraft, agent: draft.agent, vmSize: draft.vmSize });
    const accepted = await submissions.getState().submit(project.id, task, crypto.randomUUID());
    if (accepted !== null) onAccepted(accepted, run);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void submit(!event.shiftKey);
  };

  return (
    <div className="border-t border-hairline bg-bg px-4 pt-2 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
      <div className="mx-auto flex w-full max-w-190 flex-col gap-2">
        <PendingSubmissions
          project={project.id}
          onAccepted={onAccepted}
          onEdit={(task) =>
            setDraft({ text: task.description, agent: task.agent ?? null, vmSize: task.vmSize ?? null })
          }
        />
        <form
          aria-label="New task"
          className="rounded-lg border border-control bg-raised focus-within:border-accent"
          onSubmit={(event) => {
            event.preventDefault();
            void submit(true);
          }}
        >
          <label htmlFor={id} className="sr-only">
            Describe a task
          </label>
          <textarea
            id={id}
            value={draft.text}
            rows={2}
            placeholder={`Describe a task for ${project.name}`}
            aria-invalid={fault !== null}
            aria-describedby={`${id}-fault`}
            onChange={(event) => {
              setDraft({ ...draft, text: event.target.value });
              setFault(null);
            }}
            onKeyDown={onKeyDown}
            className="block max-h-[40vh] w-full resize-none bg-transparent px-3.5 pt-3 pb-1 text-prose outline-none [field-sizing:content]"
          />
          <div className="flex flex-wrap items-end justify-between gap-2 px-2 pb-2">
            <Advanced project={project} draft={draft} onChange={setDraft} />
            <RunButton
              disabled={draft.text.trim() === ""}
              offline={offline}
              onRun={() => void submit(true)}
              onSave={() => void submit(false)}
            />
          </div>
        </form>
        <p id={`${id}-fault`} role="alert" className="text-small text-failed empty:hidden">
          {fault !== null && `Not sent: ${fault}.`}
        </p>
      </div>
    </div>
  );
}
