/**
 * How many of a column's cards are drawn: at first those that can be seen, then more while the page is idle, so
 * that the board is there at once however many there are.
 */
import { useEffect, useState } from "react";
import { runWhenIdle } from "../../lib/when-idle.ts";

/** No card is lower than this. */
const MIN_CARD_PX = 60;
const STEP = 40;

/** `offsetPx`: how far the column was scrolled on the last visit; `reach`: the index of a card that must be drawn, or -1. */
export function useDrawnCount(total: number, offsetPx: () => number, reach: number): number {
  const [drawn, setDrawn] = useState(() => Math.ceil((offsetPx() + innerHeight) / MIN_CARD_PX));
  useEffect(() => (drawn < total ? runWhenIdle(() => setDrawn(drawn + STEP)) : undefined), [drawn, total]);
  return Math.max(drawn, reach + 1);
}
