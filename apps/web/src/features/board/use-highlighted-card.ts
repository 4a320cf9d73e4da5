/** The card that the address asks for is shown, gets the focus and stands out for two seconds. Coming back gives the last one. */
import type { TaskId } from "@samovar/base";
import { useEffect, type RefObject } from "react";
import type { BoardMemory } from "./board-memory.ts";
import { findCard, focusCard, isFocusFree } from "./card-elements.ts";

const LIGHT: Keyframe[] = [
  { outline: "2px solid var(--accent)", outlineOffset: "1px" },
  { outline: "2px solid var(--accent)", outlineOffset: "1px", offset: 0.9 },
  { outline: "2px solid transparent", outlineOffset: "1px" },
];

export function useHighlightedCard(
  board: RefObject<HTMLElement | null>,
  memory: BoardMemory,
  asked: TaskId | null,
): void {
  useEffect(() => {
    const element = board.current;
    if (element === null) return;
    if (asked !== null && memory.isNew(asked) && focusCard(element, asked, true)) {
      // An outline, because it moves nothing.
      findCard(element, asked)?.animate(LIGHT, { duration: 2_000 });
      return;
    }
    const last = memory.card();
    if (last !== null && isFocusFree()) focusCard(element, last, false);
  }, [board, memory, asked]);
}
