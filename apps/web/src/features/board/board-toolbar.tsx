/** Finding cards: by words of their title or text, by priority. What is chosen stands in the address. */
import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { readBoardSearch, type BoardSearch } from "./board-search.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { Button } from "../../ui/button.tsx";
import { CONTROL } from "../../ui/field.tsx";
import { isFiltered } from "./columns.ts";
import { PRIORITIES_BY_URGENCY, labelPriority } from "../tasks/priorities.ts";

interface BoardToolbarProps {
  readonly search: BoardSearch;
  readonly onChange: (search: BoardSearch) => void;
  readonly found: number;
  readonly all: number;
}

export function BoardToolbar({ search, onChange, found, all }: BoardToolbarProps) {
  const input = useRef<HTMLInputElement>(null);
  useAction("session.search", () => input.current?.focus());
  const { priority } = search;
  const filtered = isFiltered(search);
  return (
    <search aria-label="Filter tasks" className="flex shrink-0 flex-wrap items-center gap-2 px-4 pt-3">
      <label className="relative min-w-40 flex-1 tablet:max-w-72">
        <span className="sr-only">Filter by text</span>
        <Search size={14} className="absolute start-2.5 top-1/2 -translate-y-1/2 text-ink-3" aria-hidden="true" />
        <FilterText input={input} search={search} onChange={onChange} />
      </label>
      <label>
        <span className="sr-only">Priority</span>
        <select
          value={priority === undefined ? "" : `${priority}`}
          onChange={({ target }) => onChange(withPriority(search, target.value))}
          className={CONTROL}
        >
          <option value="">Any priority</option>
          {PRIORITIES_BY_URGENCY.map((value) => (
            <option key={value} value={value}>
              {labelPriority(value)}
            </option>
          ))}
        </select>
      </label>
      {filtered && (
        <Button kind="quiet" onClick={() => onChange({})}>
          Show all tasks
        </Button>
      )}
      <p role="status" className="text-small text-ink-3 tabular-nums">
        {filtered && `${found} of ${all} tasks`}
      </p>
    </search>
  );
}

interface FilterTextProps extends Pick<BoardToolbarProps, "search" | "onChange"> {
  readonly input: React.RefObject<HTMLInputElement | null>;
}

/** The address follows what is typed, a moment later; typing never waits for it. */
function FilterText({ input, search, onChange }: FilterTextProps) {
  const [text, setText] = useState(search.filter ?? "");
  const [known, setKnown] = useState(search.filter ?? "");
  const asked = search.filter ?? "";
  if (asked !== known) {
    setKnown(asked);
    // Back, or a link: then the address leads.
    if (asked !== text.trim()) setText(asked);
  }
  useChanged(text.trim(), asked, () => onChange(withFilter(search, text)));
  return (
    <input
      ref={input}
      type="search"
      value={text}
      maxLength={200}
      placeholder="Filter"
      onChange={(event) => setText(event.target.value.trimStart())}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        setText("");
        event.currentTarget.blur();
      }}
      className={`${CONTROL} ps-8`}
    />
  );
}

const SETTLED_MS = 120;

function useChanged(text: string, known: string, onChanged: () => void): void {
  const latest = useRef(onChanged);
  useEffect(() => {
    latest.current = onChanged;
  });
  useEffect(() => {
    if (text === known) return;
    const timer = setTimeout(() => latest.current(), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text, known]);
}

function withFilter({ task, priority }: BoardSearch, text: string): BoardSearch {
  return readBoardSearch({ task, priority, filter: text.trim() });
}

function withPriority({ task, filter }: BoardSearch, value: string): BoardSearch {
  return readBoardSearch({ task, filter, ...(value === "" ? {} : { priority: Number(value) }) });
}
