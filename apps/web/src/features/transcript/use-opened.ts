/** Which rows are open: all of them, or those that the reader chose. */
import { useCallback, useState } from "react";
import type { Opened } from "./places.ts";

export interface Openings {
  readonly opened: Opened;
  readonly isOpen: (id: string) => boolean;
  readonly toggle: (id: string) => void;
  readonly toggleAll: () => void;
}

export function useOpened(atFirst: () => Opened): Openings {
  const [opened, setOpened] = useState(atFirst);
  const isOpen = useCallback((id: string) => opened.each.get(id) ?? opened.all, [opened]);
  const toggle = useCallback(
    (id: string) => setOpened(({ all, each }) => ({ all, each: new Map(each).set(id, !(each.get(id) ?? all)) })),
    [],
  );
  const toggleAll = useCallback(() => setOpened(({ all }) => ({ all: !all, each: new Map() })), []);
  return { opened, isOpen, toggle, toggleAll };
}
