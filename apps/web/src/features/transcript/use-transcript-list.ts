/** The list of a transcript: its virtual rows, its place, and how it follows its end. */
import type { SessionView } from "@samovar/contracts";
import { defaultRangeExtractor, useVirtualizer, type Range } from "@tanstack/react-virtual";
import { useCallback, useEffect, useState, type RefObject } from "react";
import { PINNED_WITHIN_PX, useFollowEnd, usePinned, type List, type Pin } from "./follow-end.ts";
import { useOpening } from "./use-opening.ts";
import { browserPlaces, type Anchor, type Opened } from "./places.ts";
import { END_PX, HEAD_PX, estimateRowHeight, getRowOffset, ROW_GAP_PX } from "./row-size.ts";
import { getFirstPosition, getLastPosition, findRow, type Row } from "./rows.ts";

interface ListOptions {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly session: SessionView;
  readonly rows: readonly Row[];
  /** Where it opens; null at its end. */
  readonly anchor: Anchor | null;
  readonly opened: Opened;
  /** The message of the address. */
  readonly link: number | null;
  /** The row with the focus: it stays rendered even outside the window. */
  readonly focused: number | null;
}

const TAIL = "tail";

export function useTranscriptList({ scroller, session, rows, anchor, opened, link, focused }: ListOptions) {
  const [sizes] = useState(() => knownSizes(browserPlaces.of(session.id)?.sizes, rows, anchor));
  const pin = usePinned(anchor === null);
  // oxlint-disable-next-line react/incompatible-library -- React's compiler, which it confuses, is not used here
  const list = useVirtualizer<HTMLDivElement, Element>({
    count: rows.length + 1,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimateRowHeight(rows[index]),
    getItemKey: useCallback((index: number) => rows[index]?.key ?? TAIL, [rows]),
    overscan: 8,
    gap: ROW_GAP_PX,
    paddingStart: HEAD_PX,
    paddingEnd: END_PX,
    anchorTo: "end",
    // Held to its end only while pinned: a reader who went up by a pixel is not pulled back.
    scrollEndThreshold: pin.pinned ? PINNED_WITHIN_PX : -1,
    scrollToFn: pin.scrollTo,
    initialOffset: () => openingOffset(rows, anchor, sizes),
    initialMeasurementsCache: measured(sizes),
    rangeExtractor: useRangeWith(focused),
  });
  const opensAt = anchor === null ? undefined : rows[findRow(rows, anchor.position)]?.key;
  useOpening({
    scroller,
    pin,
    opening: anchor === null || opensAt === undefined ? null : { key: opensAt, offsetPx: anchor.offsetPx },
  });
  const count = countMessages(rows);
  const remember = useRemember({ session, rows, list, pin, opened, link });
  const following = useFollowEnd({ scroller, list, pin, count, onScrolled: remember });
  return { list, pin, count, seen: seenCount(rows, list), ...following };
}

function knownSizes(
  remembered: ReadonlyMap<unknown, number> | undefined,
  rows: readonly Row[],
  anchor: Anchor | null,
): ReadonlyMap<unknown, number> {
  const key = anchor === null ? undefined : rows[findRow(rows, anchor.position)]?.key;
  if (anchor === null || anchor.heightPx === 0 || key === undefined) return remembered ?? new Map();
  return new Map(remembered).set(key, anchor.heightPx);
}

function openingOffset(rows: readonly Row[], anchor: Anchor | null, sizes: ReadonlyMap<unknown, number>): number {
  if (anchor === null) return Math.max(0, getRowOffset(rows, rows.length, sizes) - innerHeight / 2);
  return Math.max(0, getRowOffset(rows, Math.max(0, findRow(rows, anchor.position)), sizes) + anchor.offsetPx);
}

/** Only keys and sizes count: the list lays out the rest itself. */
const measured = (sizes: ReadonlyMap<unknown, number>) =>
  [...sizes].map(([key, size]) => ({ key: String(key), size, index: 0, start: 0, end: size, lane: 0 }));

function useRangeWith(index: number | null): (range: Range) => number[] {
  return useCallback(
    (range: Range) => {
      const shown = defaultRangeExtractor(range);
      if (index === null || index < 0 || shown.includes(index)) return shown;
      return [...shown, index].toSorted((a, b) => a - b);
    },
    [index],
  );
}

interface RememberOptions {
  readonly session: SessionView;
  readonly rows: readonly Row[];
  readonly list: List;
  readonly pin: Pin;
  readonly opened: Opened;
  readonly link: number | null;
}

/** At each scroll and each change, never at the end: by then the list stands elsewhere. */
function useRemember({ session, rows, list, pin, opened, link }: RememberOptions): () => void {
  const { latest } = pin;
  const remember = useCallback(() => {
    const top = list.scrollElement?.scrollTop ?? 0;
    const item = list.getVirtualItemForOffset(top);
    const row = item === undefined ? undefined : rows[item.index];
    if (item === undefined || list.scrollElement === null) return;
    browserPlaces.remember(session.id, {
      pinned: latest.pinned,
      position: row === undefined ? countMessages(rows) - 1 : getFirstPosition(row),
      offsetPx: Math.round(row === undefined ? 0 : top - item.start),
      heightPx: row === undefined ? 0 : item.size,
      link,
      sizes: list.itemSizeCache,
      opened,
    });
  }, [session.id, rows, list, latest, opened, link]);
  useEffect(remember);
  return remember;
}

const countMessages = (rows: readonly Row[]): number => {
  const last = rows.at(-1);
  return last === undefined ? 0 : getLastPosition(last) + 1;
};

/** How many messages there are up to the last visible one. */
function seenCount(rows: readonly Row[], list: List): number {
  const last = list.range === null ? undefined : rows[Math.min(list.range.endIndex, rows.length - 1)];
  return last === undefined ? 0 : getLastPosition(last) + 1;
}
