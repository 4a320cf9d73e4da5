/**
 * The focus on the board: arrows go from card to card, a card keeps it wherever it is moved to, and what others
 * change does not move the card that has it.
 */
import type { TaskId } from "@samovar/base";
import { useEffect, useLayoutEffect, useRef, useState, type FocusEvent, type RefObject } from "react";
import type { BoardMemory } from "./board-memory.ts";
import { findCardId, findCard, focusCard, isFocusFree } from "./card-elements.ts";
import type { Column } from "./columns.ts";
import { findNeighbour, findReplacement, type Step } from "./card-steps.ts";

export interface CardFocus {
  /** The card that has it, or had it last. */
  readonly current: TaskId | null;
  readonly onFocus: (event: FocusEvent) => void;
  /** The card with the focus; without one, the current. */
  chosen(): TaskId | null;
  step(step: Step): void;
  /** The card is about to be moved by this person: it keeps the focus and comes into view. */
  follow(id: TaskId): void;
  /** A card leaves its place while it has the focus. */
  lost(id: TaskId): void;
  /** What took the focus from the card is gone. */
  giveBack(id: TaskId): void;
}

interface FocusRequest {
  readonly id: TaskId;
  readonly show: boolean;
}

export function useCardFocus(
  board: RefObject<HTMLElement | null>,
  columns: readonly Column[],
  memory: BoardMemory,
): CardFocus {
  const [current, setCurrent] = useState<TaskId | null>(memory.card);
  const request = useRef<FocusRequest | null>(null);
  const before = useRef(columns);
  const steady = useSteadyCard(board);

  useEffect(() => {
    const wanted = request.current;
    const element = board.current;
    if (wanted !== null && element !== null && (isFocusFree() || findCardId(document.activeElement) === wanted.id)) {
      const inPlace = findReplacement(before.current, columns, wanted.id);
      if (!focusCard(element, wanted.id, wanted.show) && inPlace !== null) focusCard(element, inPlace, wanted.show);
    }
    request.current = null;
    before.current = columns;
  });

  const choose = (id: TaskId) => {
    memory.rememberCard(id);
    setCurrent(id);
    steady.measure();
  };
  const chosen = () => findCardId(document.activeElement) ?? memory.card();
  return {
    current,
    chosen,
    onFocus: ({ target }) => {
      const id = findCardId(target);
      if (id !== null) choose(id);
    },
    step(step) {
      const id = findNeighbour(columns, chosen(), step);
      if (id !== null && board.current !== null) focusCard(board.current, id, true);
    },
    follow(id) {
      request.current = { id, show: true };
      steady.release();
    },
    lost(id) {
      if (request.current?.id !== id) request.current = { id, show: false };
    },
    giveBack(id) {
      if (board.current !== null && isFocusFree()) focusCard(board.current, id, false);
    },
  };
}

/** When cards come or go above the one with the focus, its column scrolls by as much. */
function useSteadyCard(board: RefObject<HTMLElement | null>) {
  const anchor = useRef<{ readonly scroller: Element; readonly id: TaskId; readonly top: number } | null>(null);
  const measure = () => {
    anchor.current = measured(board.current);
  };
  useLayoutEffect(() => {
    const held = anchor.current;
    const now = measured(board.current);
    if (held !== null && now !== null && held.id === now.id && held.scroller === now.scroller)
      now.scroller.scrollTop += now.top - held.top;
    measure();
  });
  useEffect(() => {
    const element = board.current;
    const onScroll = () => {
      anchor.current = measured(element);
    };
    element?.addEventListener("scroll", onScroll, { capture: true, passive: true });
    return () => element?.removeEventListener("scroll", onScroll, { capture: true });
  }, [board]);
  return { measure, release: () => void (anchor.current = null) };
}

function measured(board: HTMLElement | null) {
  const id = findCardId(document.activeElement);
  const card = board === null || id === null ? null : findCard(board, id);
  const scroller = card?.closest("[data-scroll]") ?? null;
  return id === null || card === null || scroller === null
    ? null
    : { id, scroller, top: card.getBoundingClientRect().top };
}
