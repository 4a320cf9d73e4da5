/** The way back to the end of the transcript. */
import { ArrowDown } from "lucide-react";

export function JumpToLatest({ fresh, onJump }: { readonly fresh: number; readonly onJump: () => void }) {
  return (
    <button
      type="button"
      onClick={onJump}
      className="absolute bottom-3 left-1/2 inline-flex min-h-8 -translate-x-1/2 items-center gap-1.5 rounded-full border border-control bg-raised px-3 text-ui shadow-md hover:bg-inset pointer-coarse:min-h-11"
    >
      <ArrowDown size={16} aria-hidden="true" />
      Jump to latest{fresh > 0 && <span className="text-ink-2 tabular-nums">· {fresh} new</span>}
    </button>
  );
}
