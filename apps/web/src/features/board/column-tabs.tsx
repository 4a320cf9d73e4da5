/** On a phone one column fills the page: these name them all, with counts, and lead to each. Swiping does the same. */
import { clsx } from "clsx";
import { useEffect, useRef, useState, type RefObject } from "react";
import { StatusIcon } from "../../ui/status-mark.tsx";
import { labelColumn, type Column } from "./columns.ts";

interface ColumnTabsProps {
  readonly board: RefObject<HTMLElement | null>;
  readonly columns: readonly Column[];
}

export function ColumnTabs({ board, columns }: ColumnTabsProps) {
  const shown = useShownColumn(board, columns.length);
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const tab = bar.current?.children[shown];
    tab?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  }, [shown]);
  return (
    <div
      ref={bar}
      role="group"
      aria-label="Columns"
      className="flex shrink-0 gap-1 overflow-x-auto px-4 pt-2 [scrollbar-width:none] tablet:hidden"
    >
      {columns.map(({ status, tasks }, index) => (
        <button
          key={status}
          type="button"
          aria-current={index === shown ? "true" : undefined}
          onClick={() => columnAt(board.current, index)?.scrollIntoView({ inline: "center", block: "nearest" })}
          className={clsx(
            "inline-flex min-h-11 shrink-0 items-center gap-1.5 rounded-md px-2.5 text-small",
            index === shown ? "bg-accent-tint font-medium text-ink" : "text-ink-2",
          )}
        >
          <span className="[&_.spin]:[animation:none]">
            <StatusIcon status={status} size={14} />
          </span>
          {labelColumn(status)}
          <span className="text-ink-2 tabular-nums">{tasks.length}</span>
        </button>
      ))}
    </div>
  );
}

const columnAt = (board: HTMLElement | null, index: number): Element | null =>
  board?.querySelectorAll("[data-column]")[index] ?? null;

/** The column that is nearest to where the board is scrolled to. */
function useShownColumn(board: RefObject<HTMLElement | null>, count: number): number {
  const [shown, setShown] = useState(0);
  useEffect(() => {
    const element = board.current;
    if (element === null) return;
    const look = () => {
      const width = element.scrollWidth / Math.max(1, count);
      setShown(Math.min(count - 1, Math.round(element.scrollLeft / width)));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    return () => element.removeEventListener("scroll", look);
  }, [board, count]);
  return shown;
}
