/** What every card may ask of the board; it stays the same object, so that cards draw anew only for their own sake. */
import { invariant, type TaskId } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";
import { createContext, use } from "react";
import type { BoardMoves } from "./board-moves.ts";
import type { Arrivals } from "./use-arrival.ts";

export interface BoardActions {
  readonly moves: BoardMoves;
  readonly arrivals: Arrivals;
  /** The card is about to be moved by its menu, and keeps the focus. */
  follow(id: TaskId): void;
  /** The card leaves its place while it has the focus. */
  lost(id: TaskId): void;
  /** Goes to the session of the task. */
  open(task: TaskView): void;
  openMenu(id: TaskId | null): void;
  /** Its menu is closed: the focus goes back to the card, if nothing else took it. */
  returnTo(id: TaskId): void;
  edit(id: TaskId): void;
  drop(id: TaskId): void;
}

export const BoardContext = createContext<BoardActions | null>(null);

export function useBoard(): BoardActions {
  const board = use(BoardContext);
  invariant(board !== null, "a card stands outside of a board");
  return board;
}
