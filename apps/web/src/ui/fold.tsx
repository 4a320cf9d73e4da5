/** A row that opens: one line always, the rest on demand. */
import { clsx } from "clsx";
import { ChevronRight } from "lucide-react";
import { useId, type ReactNode } from "react";

interface FoldProps {
  readonly open: boolean;
  readonly onToggle: () => void;
  readonly line: ReactNode;
  readonly children: ReactNode;
  readonly framed?: boolean;
}

export function Fold({ open, onToggle, line, children, framed = true }: FoldProps) {
  const id = useId();
  return (
    <div className={clsx("min-w-0", framed && "rounded-md border border-hairline")}>
      <button
        type="button"
        aria-expanded={open}
        aria-controls={id}
        onClick={onToggle}
        className="flex min-h-8 w-full min-w-0 items-center gap-2 rounded-md px-2 py-1 text-start text-ui hover:bg-inset pointer-coarse:min-h-11"
      >
        <ChevronRight size={14} className={clsx("shrink-0 text-ink-3", open && "rotate-90")} aria-hidden="true" />
        {line}
      </button>
      <div id={id} hidden={!open} className="px-3 pt-1 pb-3">
        {open && children}
      </div>
    </div>
  );
}
