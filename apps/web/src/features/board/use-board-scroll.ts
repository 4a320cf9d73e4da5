/** Scrolling of the board and its columns, kept while one is elsewhere. Saved as it happens: at the end it is too late. */
import { useEffect, useLayoutEffect, type RefObject } from "react";
import type { BoardMemory } from "./board-memory.ts";

export function useBoardScroll(board: RefObject<HTMLElement | null>, memory: BoardMemory): void {
  useLayoutEffect(() => {
    for (const scroller of scrollersOf(board.current)) {
      const offset = memory.offset(scroller.dataset["scroll"] ?? "");
      if (offset !== undefined) scroller.scrollTo({ ...offset, behavior: "instant" });
    }
  }, [board, memory]);
  useEffect(() => {
    const element = board.current;
    const onScroll = ({ target }: Event) => {
      if (!(target instanceof HTMLElement)) return;
      const name = target.dataset["scroll"];
      if (name !== undefined) memory.rememberOffset(name, { left: target.scrollLeft, top: target.scrollTop });
    };
    element?.addEventListener("scroll", onScroll, { capture: true, passive: true });
    return () => element?.removeEventListener("scroll", onScroll, { capture: true });
  }, [board, memory]);
}

const scrollersOf = (board: HTMLElement | null): readonly HTMLElement[] =>
  board === null ? [] : [board, ...board.querySelectorAll<HTMLElement>("[data-scroll]")];
