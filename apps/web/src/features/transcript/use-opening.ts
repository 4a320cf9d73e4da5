/**
 * Puts what a transcript opens at where it belongs, while the rows around it take their real heights. A reader who begins
 * to scroll has taken over.
 */
import { useEffect, useRef, type RefObject } from "react";
import type { Pin } from "./follow-end.ts";

const SETTLES_WITHIN_FRAMES = 20;
const TAKEOVERS = ["wheel", "touchstart", "pointerdown", "keydown"] as const;

interface OpeningOptions {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly pin: Pin;
  /** The row's key and how far its top stands above the window's; null at the end. */
  readonly opening: { readonly key: string; readonly offsetPx: number } | null;
}

export function useOpening({ scroller, pin, opening }: OpeningOptions): void {
  const { latest } = pin;
  const first = useRef(opening);
  useEffect(() => {
    const feed = scroller.current;
    if (feed === null || first.current === null) return;
    const { key, offsetPx } = first.current;
    let left = SETTLES_WITHIN_FRAMES;
    let frame = 0;
    const stop = () => {
      cancelAnimationFrame(frame);
      for (const takeover of TAKEOVERS) removeEventListener(takeover, stop, { capture: true });
    };
    const settle = () => {
      const row = feed.querySelector(`[data-row="${CSS.escape(key)}"]`);
      const off = row === null ? 0 : row.getBoundingClientRect().top - feed.getBoundingClientRect().top + offsetPx;
      if (Math.abs(off) > 1) {
        feed.scrollTop += off;
        latest.ownTop = feed.scrollTop;
      }
      left -= 1;
      if (left === 0) stop();
      else frame = requestAnimationFrame(settle);
    };
    for (const takeover of TAKEOVERS) addEventListener(takeover, stop, { capture: true, passive: true });
    frame = requestAnimationFrame(settle);
    return stop;
  }, [scroller, latest]);
}
