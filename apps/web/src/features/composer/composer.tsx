/** Where a task is described and run. Running costs money, so a plain Enter is a new line and nothing is sent by itself. */
import type { ProjectView, TaskView } from "@samovar/contracts";
import { createTask, LIMITS } from "@samovar/contracts";
import { useId, useRef, useState, type KeyboardEvent } from "react";
import { useConnectionStatus } from "../../api/use-live.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { findBranchFault } from "../tasks/task-options.ts";
import { useStillHere } from "../../ui/use-still-here.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { Advanced } from "./advanced.tsx";
import { clearAfterSending, toDraft, toTask, useDraft } from "../tasks/draft.ts";
import { RunButton } from "./run-button.tsx";
import { PendingSubmissions } from "./pending-submissions.tsx";
import { useSubmissions } from "./use-submissions.ts";

interface ComposerProps {
  readonly project: ProjectView;
  /** Called with the task that the server accepted. `isHere`: whether the page is still where it was submitted. */
  readonly onAccepted: (task: TaskView, run: boolean, isHere: boolean) => void;
}

export function Composer({ project, onAccepted }: ComposerProps) {
  const id = useId();
  const text = useRef<HTMLTextAreaElement>(null);
  const [draft, setDraft] = useDraft(project.id);
  const [fault, setFault] = useState<string | null>(null);
  const [sent, setSent] = useState(0);
  const submissions = useSubmissions();
  const markPlace = useStillHere();
  const offline = useConnectionStatus() === "offline";
  const focus = () => {
    const field = text.current;
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  };
  useAction("task.new", focus);

  const submit = async (run: boolean) => {
    const task = toTask(draft, run);
    const refused = findFault(draft.text, draft.baseBranch, run && offline);
    setFault(refused);
    if (refused !== null) return focus();
    // The field that was typed into is folded away with the others.
    if (document.activeElement?.matches("input, select") === true) focus();
    setDraft(clearAfterSending(draft));
    setSent(sent + 1);
    const isStillHere = markPlace();
    const accepted = await submissions.getState().submit(project.id, task, crypto.randomUUID());
    if (accepted !== null) onAccepted(accepted, run, isStillHere());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void submit(!event.shiftKey);
  };
  const tooLong = draft.text.trim().length - LIMITS.taskDescriptionMaxChars;

  return (
    <div className="border-t border-hairline bg-bg px-4 pt-2 pb-[max(0.75rem,env(safe-area-inset-bottom))]">
      <div className="mx-auto flex w-full max-w-190 flex-col gap-2">
        <PendingSubmissions
          project={project.id}
          onAccepted={onAccepted}
          onEdit={(task) => {
            setDraft(toDraft(task));
            focus();
          }}
        />
        <form
          aria-label="New task"
          className="rounded-lg border border-control bg-raised focus-within:border-accent"
          onKeyDown={onKeyDown}
          onSubmit={(event) => event.preventDefault()}
        >
          <label htmlFor={id} className="sr-only">
            Describe a task
          </label>
          <textarea
            ref={text}
            id={id}
            value={draft.text}
            rows={2}
            placeholder={`Describe a task for ${visibleText(project.name)}`}
            aria-invalid={fault !== null || tooLong > 0}
            aria-describedby={`${id}-fault ${id}-length`}
            onChange={(event) => {
              setDraft({ ...draft, text: event.target.value });
              setFault(null);
            }}
            className="block max-h-[40vh] min-h-14 w-full resize-none bg-transparent px-3.5 pt-3 pb-1 text-prose outline-none [field-sizing:content]"
          />
          <div className="flex flex-wrap items-end justify-between gap-2 px-2 pb-2">
            {/* What was opened for one task is folded for the next. */}
            <Advanced key={sent} project={project} draft={draft} onChange={setDraft} />
            <RunButton
              disabled={draft.text.trim() === ""}
              offline={offline}
              onRun={() => void submit(true)}
              onSave={() => void submit(false)}
            />
          </div>
        </form>
        <p id={`${id}-length`} role="status" className="text-small text-failed empty:hidden">
          {tooLong > 0 && formatExcess(tooLong)}
        </p>
        <p id={`${id}-fault`} role="alert" className="text-small text-failed empty:hidden">
          {fault !== null && `Not sent. ${fault}`}
        </p>
      </div>
    </div>
  );
}

const count = new Intl.NumberFormat("en");

const formatExcess = (over: number): string =>
  `This description is ${count.format(over)} ${over === 1 ? "character" : "characters"} too long. The limit is ` +
  `${count.format(LIMITS.taskDescriptionMaxChars)}; put the rest in a file in the repository.`;

function findFault(text: string, baseBranch: string, needsConnection: boolean): string | null {
  if (text.trim() === "") return "Describe the task first.";
  if (!createTask.shape.description.safeParse(text).success) return "Shorten the description first.";
  if (findBranchFault(baseBranch) !== null) return "The base branch isn't a valid branch name. Check the options.";
  return needsConnection ? "You're offline. Your text is saved here." : null;
}
