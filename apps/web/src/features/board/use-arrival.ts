/** A card that comes to a column slides in, once. Cards that were there when the board was opened stand still. */
import type { TaskId } from "@samovar/base";
import type { TaskStatus } from "@samovar/contracts";
import { useEffect, useLayoutEffect, useState, type RefObject } from "react";

export interface Arrivals {
  /** Whether this card was seen elsewhere, or made since the board was opened. */
  note(id: TaskId, status: TaskStatus, createdAt: number): boolean;
}

/** `now`: the server's present. */
export function useArrivals(now: () => number): Arrivals {
  const [arrivals] = useState(() => createArrivals(now()));
  useEffect(() => arrivals.open(), [arrivals]);
  return arrivals;
}

function createArrivals(openedAt: number) {
  const seen = new Map<TaskId, TaskStatus>();
  let open = false;
  return {
    open() {
      open = true;
    },
    note(id: TaskId, status: TaskStatus, createdAt: number): boolean {
      const before = seen.get(id);
      seen.set(id, status);
      return open && (before === undefined ? createdAt >= openedAt : before !== status);
    },
  };
}

const SLIDE: Keyframe[] = [
  { opacity: 0, transform: "translateY(-6px)" },
  { opacity: 1, transform: "none" },
];

export function useArrival(
  card: RefObject<HTMLElement | null>,
  arrivals: Arrivals,
  id: TaskId,
  status: TaskStatus,
  createdAt: number,
): void {
  useLayoutEffect(() => {
    if (!arrivals.note(id, status, createdAt) || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    card.current?.animate(SLIDE, { duration: 180, easing: "ease-out" });
  }, [card, arrivals, id, status, createdAt]);
}
