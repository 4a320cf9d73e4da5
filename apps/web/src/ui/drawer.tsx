/**
 * A drawer over the page, from its side. The browser's own modal dialog: it keeps the focus, leaves with Esc and
 * gives the focus back to where it was.
 */
import { useLayoutEffect, useRef, type ReactNode } from "react";

interface DrawerProps {
  readonly label: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Drawer({ label, onClose, children }: DrawerProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Closed while it still stands, so that the browser can give the focus back.
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={label}
      onClose={() => dialog.current?.open !== true && onClose()}
      // What is pressed inside has a child for its target.
      onClick={(event) => event.target === event.currentTarget && onClose()}
      className="fixed inset-y-0 start-0 m-0 h-dvh max-h-none w-[min(20rem,88vw)] border-e border-hairline bg-sidebar text-ink shadow-lg backdrop:bg-scrim"
    >
      <div className="flex h-full flex-col pb-[env(safe-area-inset-bottom)]">{children}</div>
    </dialog>
  );
}
