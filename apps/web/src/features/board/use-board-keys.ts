/** The board's keys, as the keymap has them. */
import type { TaskId } from "@samovar/base";
import { useAction } from "../../shortcuts/actions.tsx";
import type { BoardMoves } from "./board-moves.ts";
import type { CardFocus } from "./use-card-focus.ts";

export function useBoardKeys(focus: CardFocus, moves: BoardMoves, onMenu: (id: TaskId) => void): void {
  const onChosen = (act: (id: TaskId) => void) => () => {
    const id = focus.chosen();
    if (id === null) return;
    focus.follow(id);
    act(id);
  };
  useAction("board.next", () => focus.step("down"));
  useAction("board.previous", () => focus.step("up"));
  useAction("board.down", () => focus.step("down"));
  useAction("board.up", () => focus.step("up"));
  useAction("board.left", () => focus.step("left"));
  useAction("board.right", () => focus.step("right"));
  useAction(
    "board.moveLeft",
    onChosen((id) => moves.moveBeside(id, "left")),
  );
  useAction(
    "board.moveRight",
    onChosen((id) => moves.moveBeside(id, "right")),
  );
  useAction(
    "board.raise",
    onChosen((id) => moves.prioritise(id, "up")),
  );
  useAction(
    "board.lower",
    onChosen((id) => moves.prioritise(id, "down")),
  );
  useAction("board.move", () => {
    const id = focus.chosen();
    if (id !== null) onMenu(id);
  });
}
