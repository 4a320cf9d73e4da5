/** A notification at the foot of the page, with a way to undo. It disappears by itself unless hovered or focused. */
import { Ban, CircleAlert, CircleCheck, X, type LucideIcon } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { IconButton } from "./button.tsx";

/** `refused`: it cannot be done, and nothing was. */
export type NoticeTone = "done" | "refused" | "fault";

interface NoticeProps {
  readonly tone: NoticeTone;
  readonly text: string;
  readonly onClose: () => void;
  /** Buttons and links. */
  readonly children?: ReactNode;
}

const SHOWN_MS = 8_000;

const MARKS: Readonly<Record<NoticeTone, { readonly icon: LucideIcon; readonly colour: string }>> = {
  done: { icon: CircleCheck, colour: "text-done" },
  refused: { icon: Ban, colour: "text-ink-3" },
  fault: { icon: CircleAlert, colour: "text-failed" },
};

/** Key it by what it says, so that its time begins anew. The caller announces it to screen readers. */
export function Notice({ tone, text, onClose, children }: NoticeProps) {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    // A fault may ask for something to be done: it stays until it is put away.
    if (held || tone === "fault") return;
    const timer = setTimeout(onClose, SHOWN_MS);
    return () => clearTimeout(timer);
  }, [held, tone, onClose]);
  const { icon: Icon, colour } = MARKS[tone];
  return (
    <section
      aria-label="Notification"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
      className="fixed inset-x-4 bottom-20 z-30 mx-auto flex w-fit max-w-140 items-center gap-2 rounded-lg border border-control bg-raised py-1.5 ps-3 pe-1.5 text-ui shadow-lg tablet:bottom-6"
    >
      <Icon size={16} className={`shrink-0 ${colour}`} aria-hidden="true" />
      <span className="min-w-0 py-1 wrap-anywhere">{text}</span>
      <span className="flex shrink-0 items-center gap-1">
        {children}
        <IconButton label="Dismiss" onClick={onClose}>
          <X size={16} aria-hidden="true" />
        </IconButton>
      </span>
    </section>
  );
}
