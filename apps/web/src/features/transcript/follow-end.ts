/**
 * Following the end of a scrolled list. Pinned: the end stays visible whatever grows or shrinks. Any scroll
 * upwards by the reader lets go at once; coming back to within a few lines of the end takes hold again.
 */
import { elementScroll, type Virtualizer, type VirtualizerOptions } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useState, type RefObject } from "react";

export const PINNED_WITHIN_PX = 80;
const PILL_AFTER_PX = 200;

export type List = Virtualizer<HTMLDivElement, Element>;

export interface Pin {
  readonly pinned: boolean;
  readonly setPinned: (pinned: boolean) => void;
  /** The same, and where the list itself scrolled to last (no reader did that): for those who cannot wait for a render. */
  readonly latest: { pinned: boolean; ownTop: number | null };
  readonly scrollTo: VirtualizerOptions<HTMLDivElement, Element>["scrollToFn"];
}

export function usePinned(atFirst: boolean): Pin {
  const [pinned, setState] = useState(atFirst);
  const [own] = useState(() => {
    const latest: Pin["latest"] = { pinned: atFirst, ownTop: null };
    const setPinned: Pin["setPinned"] = (next) => {
      latest.pinned = next;
      setState(next);
    };
    const scrollTo: Pin["scrollTo"] = (offset, options, list) => {
      elementScroll(offset, options, list);
      latest.ownTop = list.scrollElement?.scrollTop ?? null;
    };
    return { latest, setPinned, scrollTo };
  });
  return { pinned, ...own };
}

interface Following {
  /** Whether the end is far outside the window. */
  readonly away: boolean;
  /** Messages that came since the end was last visible. */
  readonly fresh: number;
  readonly jump: () => void;
}

interface FollowOptions {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: List;
  readonly pin: Pin;
  /** Messages that the session has. */
  readonly count: number;
  readonly onScrolled: () => void;
}

export function useFollowEnd({ scroller, list, pin, count, onScrolled }: FollowOptions): Following {
  const { pinned, setPinned, latest } = pin;
  const [away, setAway] = useState(false);
  const [seen, setSeen] = useState(count);
  if (!away && seen !== count) setSeen(count);

  useLayoutEffect(() => {
    if (pinned) list.scrollToEnd();
  }, [list, pinned]);
  // What a render made longer is followed before it is painted.
  const total = list.getTotalSize();
  useLayoutEffect(() => {
    if (total > 0 && latest.pinned && scroller.current !== null) toEnd(scroller.current, { latest });
  }, [scroller, latest, total]);
  useScrolling(scroller, pin, setAway, onScrolled);
  useResizing(scroller, pin, setAway);

  const jump = useCallback(() => {
    setPinned(true);
    list.scrollToEnd();
  }, [list, setPinned]);
  return { away, fresh: count - seen, jump };
}

function useScrolling(
  scroller: RefObject<HTMLDivElement | null>,
  { setPinned, latest }: Pin,
  setAway: (away: boolean) => void,
  onScrolled: () => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    let last = { top: element.scrollTop, height: element.scrollHeight };
    const onScroll = ({ target }: Event) => {
      if (target !== element) return;
      const now = { top: element.scrollTop, height: element.scrollHeight };
      const distance = distanceFromEnd(element);
      const own = latest.ownTop !== null && Math.abs(latest.ownTop - now.top) <= 1.5;
      // A list that became shorter pushes its window up: that is not a scroll.
      const pushed = last.height - now.height >= last.top - now.top;
      if (now.top < last.top && distance > 1 && !own && !pushed) setPinned(false);
      if (now.top > last.top && distance <= PINNED_WITHIN_PX) setPinned(true);
      latest.ownTop = null;
      last = now;
      setAway(distance > PILL_AFTER_PX);
      onScrolled();
    };
    // Before the list hears of it and renders: a reader who goes up must be known to have let go.
    const options = { passive: true, capture: true } as const;
    element.addEventListener("scroll", onScroll, options);
    return () => element.removeEventListener("scroll", onScroll, options);
  }, [scroller, setPinned, latest, setAway, onScrolled]);
}

/**
 * A keyboard that opens or a composer that grows takes space from the list: its end must stay visible. And what
 * is said below the fold moves nothing, but the end is further away. The list isn't asked to scroll: it would wait
 * for that before it lays out what grew, and rows would overlap for a frame.
 */
function useResizing(
  scroller: RefObject<HTMLDivElement | null>,
  { latest }: Pin,
  setAway: (away: boolean) => void,
): void {
  useEffect(() => {
    const element = scroller.current;
    const content = element?.firstElementChild;
    if (element === null || content == null) return;
    const onResize = () => {
      const distance = distanceFromEnd(element);
      if (!latest.pinned) return setAway(distance > PILL_AFTER_PX);
      toEnd(element, { latest });
    };
    const observer = new ResizeObserver(onResize);
    observer.observe(element);
    observer.observe(content);
    return () => observer.disconnect();
  }, [scroller, latest, setAway]);
}

function toEnd(element: HTMLElement, { latest }: Pick<Pin, "latest">): void {
  if (distanceFromEnd(element) < 1) return;
  element.scrollTop = element.scrollHeight;
  latest.ownTop = element.scrollTop;
}

function distanceFromEnd(element: HTMLElement): number {
  return element.scrollHeight - element.clientHeight - element.scrollTop;
}
