/** Restores the scroll offsets of the board and its columns. Saved while scrolling: at unmount it is too late. */
import { useEffect, useLayoutEffect, type RefObject } from "react";
import type { BoardMemory } from "./board-memory.ts";

export function useBoardScroll(board: RefObject<HTMLElement | null>, memory: BoardMemory): void {
  useLayoutEffect(() => {
    for (const scroller of findScrollers(board.current)) {
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

const findScrollers = (board: HTMLElement | null): readonly HTMLElement[] =>
  board === null ? [] : [board, ...board.querySelectorAll<HTMLElement>("[data-scroll]")];
