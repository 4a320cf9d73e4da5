/** One task on the board. All of it opens the session; its menu and its pull request lie above. */
import type { TaskView } from "@samovar/contracts";
import { clsx } from "clsx";
import { memo, useId, useLayoutEffect, useRef, type MouseEvent, type RefObject } from "react";
import { visibleText } from "../../lib/visible-text.ts";
import { useBoard } from "./board-context.ts";
import { CardFacts } from "./card-facts.tsx";
import { CardMenu } from "./card-menu.tsx";
import { useArrival } from "./use-arrival.ts";
import { useDraggable } from "./use-drag.ts";

interface BoardCardProps {
  readonly task: TaskView;
  /** Whether Tab stops here: at one card of each column. */
  readonly tabStop: boolean;
  readonly menuOpen: boolean;
  readonly dragged: boolean;
  readonly hintId: string;
}

export const BoardCard = memo(function BoardCard({ task, tabStop, menuOpen, dragged, hintId }: BoardCardProps) {
  const card = useRef<HTMLLIElement>(null);
  const board = useBoard();
  const id = useId();
  useDraggable(card, task.id);
  useArrival(card, board.arrivals, task.id, task.status, task.createdAt);
  useFocusKept(card, () => board.lost(task.id));
  return (
    <li
      ref={card}
      data-card={task.id}
      className={clsx(
        "relative scroll-my-2 rounded-lg border border-hairline bg-raised transition-[border-color] duration-120 hover:border-control",
        dragged && "opacity-50",
      )}
    >
      <a
        href={`/p/${task.projectId}/s/${task.sessionId}`}
        onClick={(event) => {
          if (opensElsewhere(event)) return;
          event.preventDefault();
          board.open(task);
        }}
        tabIndex={tabStop ? 0 : -1}
        draggable={false}
        aria-describedby={`${id} ${hintId}`}
        className="block rounded-lg px-3 pt-2.5 text-ui after:absolute after:inset-0 after:rounded-lg focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:outline-accent"
      >
        <span className="line-clamp-2 pe-6 wrap-anywhere pointer-coarse:pe-9">{visibleText(task.title)}</span>
      </a>
      <CardMenu
        task={task}
        open={menuOpen}
        tabIndex={tabStop ? 0 : -1}
        onOpenChange={(open) => board.openMenu(open ? task.id : null)}
        onClosed={() => board.returnTo(task.id)}
        actions={{
          onMove: (to) => {
            board.follow(task.id);
            board.moves.move(task.id, to);
          },
          onPriority: (priority) => {
            board.follow(task.id);
            board.moves.setPriority(task.id, priority);
          },
          onAcknowledge: (acknowledged) => {
            board.follow(task.id);
            board.moves.acknowledge(task.id, acknowledged);
          },
          onEdit: () => board.edit(task.id),
          onDelete: () => board.drop(task.id),
        }}
      />
      <div id={id} className="flex flex-col gap-1 px-3 pt-1 pb-2.5">
        <CardFacts task={task} />
      </div>
    </li>
  );
});

/** In a new tab or window: then the browser follows the link. */
const opensElsewhere = (event: MouseEvent): boolean =>
  event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;

/** A card that goes to another column is made anew there: it says so while it still has the focus. */
function useFocusKept(card: RefObject<HTMLElement | null>, onLost: () => void): void {
  const latest = useRef(onLost);
  useLayoutEffect(() => {
    latest.current = onLost;
  });
  useLayoutEffect(() => {
    const element = card.current;
    return () => {
      if (element?.contains(document.activeElement) === true) latest.current();
    };
  }, [card]);
}
