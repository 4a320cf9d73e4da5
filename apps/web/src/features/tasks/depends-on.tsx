/** Which tasks must be completed first: chips, and a search among the project's tasks. */
import type { ProjectId, TaskId } from "@samovar/base";
import { MAX_DEPENDENCIES, type TaskView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { X } from "lucide-react";
import { useId, useRef, useState, type KeyboardEvent } from "react";
import { tasksQuery } from "../../api/queries.ts";
import { CONTROL } from "../../ui/field.tsx";
import { StatusIcon, labelStatus } from "../../ui/status-mark.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { findCandidates } from "./find-candidates.ts";
import { getShownStatus } from "./shown-status.ts";

interface DependsOnProps {
  readonly project: ProjectId;
  readonly value: readonly TaskId[];
  /** Never among the found ones. */
  readonly without: TaskId | null;
  readonly onChange: (value: readonly TaskId[]) => void;
}

export function DependsOn({ project, value, without, onChange }: DependsOnProps) {
  const { data: tasks = [] } = useQuery(tasksQuery(project));
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1 tablet:col-span-2">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        Runs after
      </label>
      {value.length < MAX_DEPENDENCIES && (
        <Search
          id={id}
          found={(words) => findCandidates(tasks, words, value, without)}
          onChoose={(task) => onChange([...value, task])}
        />
      )}
      <Chips tasks={tasks} value={value} onChange={onChange} />
    </div>
  );
}

interface ChipsProps {
  readonly tasks: readonly TaskView[];
  readonly value: readonly TaskId[];
  readonly onChange: (value: readonly TaskId[]) => void;
}

export function Chips({ tasks, value, onChange }: ChipsProps) {
  if (value.length === 0) return null;
  return (
    <ul aria-label="Runs after" className="flex flex-wrap gap-1.5">
      {value.map((id) => {
        const task = tasks.find((each) => each.id === id);
        const title = visibleText(task?.title ?? id);
        return (
          <li
            key={id}
            className="inline-flex max-w-full min-w-0 items-center gap-1.5 rounded-full bg-inset ps-2.5 text-small"
          >
            {task !== undefined && <StatusIcon status={getShownStatus(task)} size={14} />}
            <span className="min-w-0 truncate">{title}</span>
            <button
              type="button"
              aria-label={`Remove ${title}`}
              onClick={() => onChange(value.filter((each) => each !== id))}
              className="inline-flex size-7 shrink-0 items-center justify-center rounded-full text-ink-3 hover:text-ink pointer-coarse:size-11"
            >
              <X size={14} aria-hidden="true" />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

interface SearchProps {
  readonly id: string;
  readonly found: (words: string) => readonly TaskView[];
  readonly onChoose: (task: TaskId) => void;
}

function Search({ id, found, onChoose }: SearchProps) {
  const [words, setWords] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const listed = open ? found(words) : [];
  const choose = (task: TaskView | undefined) => {
    if (task === undefined) return;
    onChoose(task.id);
    setWords("");
    setAt(0);
    setOpen(false);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.metaKey || event.ctrlKey) return;
    const handled = onKey(event.key);
    if (!handled) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onKey = (key: string): boolean => {
    if (key === "ArrowDown" || key === "ArrowUp") {
      const step = key === "ArrowDown" ? 1 : -1;
      setAt(open ? (at + step + listed.length) % Math.max(1, listed.length) : 0);
      setOpen(true);
      return true;
    }
    // In a form, Enter would send it.
    if (key === "Enter") choose(listed[at]);
    if (key === "Escape" && open) setOpen(false);
    else if (key !== "Enter") return false;
    return true;
  };
  return (
    <div className="relative">
      <input
        ref={input}
        id={id}
        role="combobox"
        aria-expanded={listed.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={listed[at] === undefined ? undefined : `${id}-${at}`}
        autoComplete="off"
        value={words}
        placeholder="Search tasks in this project"
        onChange={(event) => {
          setWords(event.target.value);
          setAt(0);
          setOpen(true);
        }}
        onClick={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
        className={CONTROL}
      />
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label="Tasks"
        className={clsx(
          "absolute inset-x-0 bottom-full z-10 mb-1 max-h-64 overflow-y-auto rounded-lg border border-hairline bg-raised p-1 text-ui shadow-lg",
          listed.length === 0 && "hidden",
        )}
      >
        {listed.map((task, index) => (
          <li
            key={task.id}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            // Focus stays in the field.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(task)}
            className={clsx(
              "flex min-h-8 cursor-pointer items-center gap-2 rounded-md px-2 pointer-coarse:min-h-11",
              index === at ? "bg-inset" : "hover:bg-inset",
            )}
          >
            <StatusIcon status={getShownStatus(task)} size={14} />
            <span className="sr-only">{labelStatus(getShownStatus(task))}</span>
            <span className="min-w-0 truncate">{visibleText(task.title)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
