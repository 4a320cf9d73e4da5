/**
 * Following the end of a scrolled list. Pinned: the end stays in sight whatever grows or shrinks. Any scroll
 * upwards by the reader lets go at once; coming back to within a few lines of the end takes hold again.
 */
import type { Virtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useState, type RefObject } from "react";

export const PINNED_WITHIN_PX = 80;
const PILL_AFTER_PX = 200;

export interface Pin {
  readonly pinned: boolean;
  readonly setPinned: (pinned: boolean) => void;
}

export function usePinned(): Pin {
  const [pinned, setPinned] = useState(true);
  return { pinned, setPinned };
}

interface Following {
  /** Whether the end is well out of sight. */
  readonly away: boolean;
  /** Messages that came since the end was last in sight. */
  readonly fresh: number;
  readonly jump: () => void;
}

type List = Virtualizer<HTMLDivElement, Element>;

export function useFollowEnd(
  scroller: RefObject<HTMLDivElement | null>,
  list: List,
  pin: Pin,
  count: number,
): Following {
  const { pinned, setPinned } = pin;
  const [away, setAway] = useState(false);
  const [seen, setSeen] = useState(count);
  if (!away && seen !== count) setSeen(count);

  useLayoutEffect(() => {
    if (pinned) list.scrollToEnd();
  }, [list, pinned]);
  useScrolling(scroller, setPinned, setAway);
  useResizing(scroller, list, pinned, setAway);

  const jump = useCallback(() => {
    setPinned(true);
    list.scrollToEnd();
  }, [list, setPinned]);
  return { away, fresh: count - seen, jump };
}

function useScrolling(
  scroller: RefObject<HTMLDivElement | null>,
  setPinned: (pinned: boolean) => void,
  setAway: (away: boolean) => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let lastTop = element.scrollTop;
    const onScroll = () => {
      const distance = distanceFromEnd(element);
      // At the end a shrinking list scrolls up by itself; then nothing lies below.
      if (element.scrollTop < lastTop && distance > 1) setPinned(false);
      if (element.scrollTop > lastTop && distance <= PINNED_WITHIN_PX) setPinned(true);
      lastTop = element.scrollTop;
      setAway(distance > PILL_AFTER_PX);
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => element.removeEventListener("scroll", onScroll);
  }, [scroller, setPinned, setAway]);
}

/**
 * A keyboard that opens or a composer that grows takes room from the list: its end must stay in sight. And what
 * is said below the fold moves nothing, but the end is further away.
 */
function useResizing(
  scroller: RefObject<HTMLDivElement | null>,
  list: List,
  pinned: boolean,
  setAway: (away: boolean) => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    const content = element?.firstElementChild;
    if (element === null || content == null) return;
    const onResize = () => {
      if (pinned) list.scrollToEnd();
      else setAway(distanceFromEnd(element) > PILL_AFTER_PX);
    };
    const observer = new ResizeObserver(onResize);
    observer.observe(element);
    observer.observe(content);
    return () => observer.disconnect();
  }, [scroller, list, pinned, setAway]);
}

function distanceFromEnd(element: HTMLElement): number {
  return element.scrollHeight - element.clientHeight - element.scrollTop;
}
