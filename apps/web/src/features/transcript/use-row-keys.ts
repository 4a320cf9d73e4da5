/** The keys of a transcript: from message to message, to its ends, and what is folded open or closed. */
import { useEffect, useRef, useState, type RefObject } from "react";
import { useAction } from "../../shortcuts/actions.tsx";
import type { List } from "./follow-end.ts";

interface RowKeysOptions {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly list: List;
  /** The row that has the focus; null when none has. */
  readonly focused: number | null;
  readonly rows: number;
  readonly onFirst: () => Promise<void>;
  readonly onLast: () => void;
  readonly onLeaveEnd: () => void;
  /** Null: of all rows. */
  readonly onExpand: (row: number | null) => void;
}

export function useRowKeys(options: RowKeysOptions): void {
  const { scroller, list, focused, rows, onFirst, onLast, onLeaveEnd, onExpand } = options;
  const awaited = useRef<number | null>(null);
  const [, setAwaited] = useState(0);
  const focus = (row: number) => {
    onLeaveEnd();
    list.scrollToIndex(row, { align: "start" });
    awaited.current = row;
    setAwaited((times) => times + 1);
  };
  // The row may be rendered some frames after the list was scrolled to it.
  useEffect(() => {
    if (awaited.current === null) return;
    const article = scroller.current?.querySelector<HTMLElement>(`[data-index="${awaited.current}"] > article`);
    if (article == null) return;
    awaited.current = null;
    article.focus({ preventScroll: true });
  });
  const step = (by: 1 | -1) => {
    const top = list.getVirtualItemForOffset(list.scrollOffset ?? 0)?.index ?? 0;
    const from = focused ?? (by === 1 ? top - 1 : top);
    const to = Math.max(0, from + by);
    if (to < rows) focus(to);
    else onLast();
  };
  useAction("session.nextMessage", () => step(1));
  useAction("session.previousMessage", () => step(-1));
  useAction("session.first", () => {
    onLeaveEnd();
    void onFirst().then(() => focus(0));
  });
  useAction("session.last", onLast);
  useAction("session.expand", () => onExpand(focused));
}
