/** One column: its status, how many, its cards; while a card is dragged, what dropping it here would do. */
import type { TaskId } from "@samovar/base";
import type { TaskStatus, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { clsx } from "clsx";
import { memo, useRef } from "react";
import { Button } from "../../ui/button.tsx";
import { StatusIcon } from "../../ui/status-mark.tsx";
import { BoardCard } from "./board-card.tsx";
import type { BoardMemory } from "./board-memory.ts";
import { labelColumn } from "./columns.ts";
import { DropHint } from "./drop-hint.tsx";
import { moveTo } from "./moves.ts";
import { EmptyColumn } from "./empty-column.tsx";
import { useDrawnCount } from "./use-drawn-count.ts";
import { useDropColumn } from "./use-drag.ts";

interface BoardColumnProps {
  readonly status: TaskStatus;
  readonly tasks: readonly TaskView[];
  /** Ended tasks that are not read yet. */
  readonly hasOlder: boolean;
  readonly opened: boolean;
  readonly onShowMore: (status: TaskStatus) => void;
  readonly filtered: boolean;
  readonly current: TaskId | null;
  /** The card that the address asks for. */
  readonly asked: TaskId | null;
  readonly memory: BoardMemory;
  readonly menu: TaskId | null;
  readonly dragged: TaskView | null;
  readonly hintId: string;
}

const SHOWN_OF_ENDED = 20;

export const BoardColumn = memo(function BoardColumn(props: BoardColumnProps) {
  const { status, tasks, hasOlder, opened, current, dragged } = props;
  const column = useRef<HTMLElement>(null);
  const move = dragged === null ? null : moveTo(dragged, status);
  const over = useDropColumn(column, status, move !== null && (move.kind === "edit" || move.kind === "act"));
  const shown = isTerminal(status) && !opened ? tasks.slice(0, SHOWN_OF_ENDED) : tasks;
  const hidden = shown.length < tasks.length || hasOlder;
  const place = shown.findIndex((task) => task.id === current);
  const asked = shown.findIndex((task) => task.id === props.asked);
  const tabStop = shown[Math.max(0, place)]?.id;
  const drawn = useDrawnCount(shown.length, () => props.memory.offset(status)?.top ?? 0, Math.max(place, asked));
  return (
    <section
      ref={column}
      aria-labelledby={`column-${status}`}
      data-column={status}
      className={clsx(
        "relative flex w-full shrink-0 snap-center flex-col overflow-hidden rounded-lg bg-sidebar tablet:w-72",
        over && "ring-2 ring-accent",
      )}
    >
      <h2 id={`column-${status}`} className="flex shrink-0 items-center gap-2 px-3 py-2 text-ui font-medium">
        <span className="[&_.spin]:[animation:none]">
          <StatusIcon status={status} />
        </span>
        {labelColumn(status)}
        <span className="ms-auto text-small font-normal text-ink-3 tabular-nums">
          {tasks.length}
          {hasOlder && <span aria-label=" or more">+</span>}
        </span>
      </h2>
      {move !== null && <DropHint move={move} over={over} />}
      <div
        data-scroll={status}
        className="flex min-h-0 flex-1 scroll-py-2 flex-col overflow-x-hidden overflow-y-auto overscroll-y-contain px-2 pb-2 focus-within:[overflow-anchor:none]"
      >
        {shown.length === 0 ? (
          <div className="px-1 py-2 text-small text-ink-3">
            <EmptyColumn status={status} filtered={props.filtered} />
          </div>
        ) : (
          <ul className="flex flex-col gap-2 pt-0.5">
            {shown.slice(0, drawn).map((task) => (
              <BoardCard
                key={task.id}
                task={task}
                tabStop={task.id === tabStop}
                menuOpen={task.id === props.menu}
                dragged={task.id === dragged?.id}
                hintId={props.hintId}
              />
            ))}
          </ul>
        )}
        {hidden && (
          <Button kind="quiet" className="mt-2 shrink-0" onClick={() => props.onShowMore(status)}>
            {opened ? "Show more" : "Show all"}
          </Button>
        )}
      </div>
    </section>
  );
});
