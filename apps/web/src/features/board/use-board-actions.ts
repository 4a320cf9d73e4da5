/** What is open over the board (a card's menu, a form, a question), and what cards may ask for. */
import type { TaskId } from "@samovar/base";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import type { BoardActions } from "./board-context.ts";
import type { BoardMoves } from "./board-moves.ts";
import type { Arrivals } from "./use-arrival.ts";
import type { CardFocus } from "./use-card-focus.ts";

export type Asked = { readonly what: "edit" | "delete"; readonly id: TaskId } | null;

export interface OpenedOverBoard {
  /** The card whose menu is open. */
  readonly menu: TaskId | null;
  readonly asked: Asked;
  /** Puts the form or question away; the focus goes back to the card. */
  readonly close: () => void;
  readonly context: BoardActions;
}

export function useBoardActions(moves: BoardMoves, focus: CardFocus, arrivals: Arrivals): OpenedOverBoard {
  const [menu, setMenu] = useState<TaskId | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const navigate = useNavigate();
  const latest = useRef(focus);
  useEffect(() => {
    latest.current = focus;
  });
  const context = useMemo(
    (): BoardActions => ({
      moves,
      arrivals,
      follow: (id) => latest.current.follow(id),
      lost: (id) => latest.current.lost(id),
      open: ({ projectId, sessionId }) =>
        void navigate({ to: "/p/$project/s/$session", params: { project: projectId, session: sessionId } }),
      openMenu: setMenu,
      returnTo: (id) => latest.current.giveBack(id),
      edit: (id) => setAsked({ what: "edit", id }),
      drop: (id) => setAsked({ what: "delete", id }),
    }),
    [moves, arrivals, navigate],
  );
  const close = () => {
    if (asked !== null) focus.follow(asked.id);
    setAsked(null);
  };
  return { menu, asked, close, context };
}
