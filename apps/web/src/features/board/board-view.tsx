/** The board: its columns beside each other (on a phone one after the other), the keys, the dialogs. */
import type { ProjectId, TaskId } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { useId, useMemo, useRef } from "react";
import { useStore } from "zustand";
import type { BoardSearch } from "./board-search.ts";
import { type BoardTasks } from "../../api/board-tasks.ts";
import { serverClock } from "../../lib/server-clock.ts";
import { BoardColumn } from "./board-column.tsx";
import { BoardContext } from "./board-context.ts";
import { BoardDialogs } from "./board-dialogs.tsx";
import { getBoardMemory } from "./board-memory.ts";
import { BoardNotice } from "./board-notice.tsx";
import { BoardToolbar } from "./board-toolbar.tsx";
import { ColumnTabs } from "./column-tabs.tsx";
import { toColumns, isFiltered, filterTasks } from "./columns.ts";
import { withPending } from "./pending.ts";
import { FirstTask } from "./empty-column.tsx";
import { useArrivals } from "./use-arrival.ts";
import { useBoardActions } from "./use-board-actions.ts";
import { useBoardKeys } from "./use-board-keys.ts";
import { useBoardMoves } from "./use-board-moves.ts";
import { useBoardScroll } from "./use-board-scroll.ts";
import { useCardFocus } from "./use-card-focus.ts";
import { useDragged } from "./use-drag.ts";
import { useHighlightedCard } from "./use-highlighted-card.ts";
import { useOlderTasks } from "./use-older-tasks.ts";

interface BoardViewProps {
  readonly project: ProjectId;
  readonly board: BoardTasks;
  readonly search: BoardSearch;
  readonly onSearch: (search: BoardSearch) => void;
}

export function BoardView({ project, board, search, onSearch }: BoardViewProps) {
  const hintId = useId();
  const scroller = useRef<HTMLElement>(null);
  const memory = getBoardMemory(project);
  const moves = useBoardMoves(project, search);
  const pending = useStore(moves.store, (state) => state.pending);
  const tasks = useMemo(() => withPending(board.tasks, pending), [board.tasks, pending]);
  const matched = useMemo(() => filterTasks(tasks, search), [tasks, search]);
  const columns = useMemo(() => toColumns(matched), [matched]);
  const focus = useCardFocus(scroller, columns, memory);
  const opened = useBoardActions(moves, focus, useArrivals(serverClock.now));
  const showing = useOlderTasks(project, moves, memory);
  const dragged = useDragged((id, to) => {
    focus.follow(id);
    moves.move(id, to);
  });
  useBoardKeys(focus, moves, opened.context.openMenu);
  useBoardScroll(scroller, memory);
  useHighlightedCard(scroller, memory, search.task ?? null);
  const filtered = isFiltered(search);
  const find = (id: TaskId | null): TaskView | null => tasks.find((task) => task.id === id) ?? null;
  return (
    <BoardContext value={opened.context}>
      <main aria-label="Board" className="flex min-h-0 flex-1 flex-col">
        <h1 className="sr-only">Board</h1>
        <BoardToolbar search={search} onChange={onSearch} found={matched.length} all={tasks.length} />
        {tasks.length === 0 && <FirstTask project={project} />}
        <ColumnTabs board={scroller} columns={columns} />
        <p id={hintId} className="sr-only">
          Arrow keys move between cards. Shift with an arrow key moves the card or changes its priority. M opens its
          menu.
        </p>
        <section
          ref={scroller}
          aria-label="Columns"
          // Without a card there is nothing else in it to scroll it from.
          tabIndex={matched.length === 0 ? 0 : undefined}
          data-scroll="board"
          onFocus={focus.onFocus}
          className="flex min-h-0 flex-1 snap-x snap-mandatory scroll-px-4 gap-3 overflow-x-auto px-4 pt-3 pb-4 tablet:snap-none"
        >
          {columns.map(({ status, tasks: cards }) => (
            <BoardColumn
              key={status}
              status={status}
              tasks={cards}
              hasOlder={isTerminal(status) && board.older[status] !== null}
              opened={showing.opened.has(status)}
              onShowMore={showing.more}
              filtered={filtered}
              current={focus.current}
              asked={search.task ?? null}
              memory={memory}
              menu={opened.menu}
              dragged={find(dragged)}
              hintId={hintId}
            />
          ))}
        </section>
        <BoardDialogs opened={opened} find={find} moves={moves} />
        <BoardNotice moves={moves} />
      </main>
    </BoardContext>
  );
}
