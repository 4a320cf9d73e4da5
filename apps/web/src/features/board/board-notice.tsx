/** The word about the last move: Undo where that is possible, the place to put things right where it failed. */
import { Link } from "@tanstack/react-router";
import { useCallback } from "react";
import { useStore } from "zustand";
import { Button } from "../../ui/button.tsx";
import { Notice } from "../../ui/notice.tsx";
import type { BoardMoves } from "./board-moves.ts";

export function BoardNotice({ moves }: { readonly moves: BoardMoves }) {
  const notice = useStore(moves.store, (state) => state.notice);
  const announcement = useStore(moves.store, (state) => state.announcement);
  const id = notice?.id ?? 0;
  const close = useCallback(() => moves.dismiss(id), [moves, id]);
  return (
    <>
      <p role="status" className="sr-only">
        <span key={announcement.count}>{announcement.text}</span>
      </p>
      {notice !== null && (
        <Notice key={notice.id} tone={notice.tone} text={notice.text} onClose={close}>
          {notice.action !== undefined && <Button onClick={notice.action.run}>{notice.action.label}</Button>}
          {notice.settingsPath != null && (
            <Link to={notice.settingsPath} className="px-2 text-accent underline">
              Open settings
            </Link>
          )}
        </Notice>
      )}
    </>
  );
}
