/** Finding a session: by a part of its topic, by how it stands. */
import { sessionStatus } from "@samovar/contracts";
import { Search } from "lucide-react";
import { useRef } from "react";
import type { SessionFilter } from "../../api/query-keys.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { CONTROL } from "../../ui/field.tsx";

interface SessionFiltersProps {
  readonly filter: SessionFilter;
  readonly onChange: (filter: SessionFilter) => void;
}

const STATUSES = [
  { value: "", label: "All" },
  { value: "active", label: "Open" },
  { value: "stopped", label: "Ended" },
  { value: "error", label: "Failed" },
] as const;

export function SessionFilters({ filter, onChange }: SessionFiltersProps) {
  const input = useRef<HTMLInputElement>(null);
  useAction("session.search", () => input.current?.focus());
  const change = (q: string, status: SessionFilter["status"]) =>
    onChange({ ...(q === "" ? {} : { q }), ...(status === undefined ? {} : { status }) });
  return (
    <search className="flex gap-1 px-2 pb-2">
      <label className="relative min-w-0 flex-1">
        <span className="sr-only">Search sessions by topic</span>
        <Search size={14} className="absolute start-2 top-1/2 -translate-y-1/2 text-ink-3" aria-hidden="true" />
        <input
          ref={input}
          type="search"
          value={filter.q ?? ""}
          maxLength={200}
          placeholder="Search"
          onChange={(event) => change(event.target.value.trimStart(), filter.status)}
          onKeyDown={(event) => {
            if (event.key !== "Escape" || (filter.q ?? "") === "") return;
            // One layer at a time: the words first, then what they stand in.
            event.preventDefault();
            event.stopPropagation();
            change("", filter.status);
          }}
          className={`${CONTROL} ps-7`}
        />
      </label>
      <label>
        <span className="sr-only">Filter by status</span>
        <select
          value={filter.status ?? ""}
          onChange={(event) => change(filter.q ?? "", sessionStatus.safeParse(event.target.value).data)}
          className={CONTROL}
        >
          {STATUSES.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}
