/** What dropping the card here would do, or why it cannot be dropped: said while it is still in the hand. */
import { assertNever } from "@samovar/base";
import { clsx } from "clsx";
import { Ban } from "lucide-react";
import type { Move } from "./moves.ts";

export function DropHint({ move, over }: { readonly move: Move; readonly over: boolean }) {
  const words = describeMove(move);
  if (words === null) return null;
  const taken = move.kind !== "refused";
  return (
    <p
      className={clsx(
        "pointer-events-none absolute inset-x-2 top-10 z-20 flex items-center gap-1.5 rounded-md border px-2.5 py-2 text-small shadow-sm",
        taken ? "border-dashed border-accent bg-accent-tint text-accent" : "border-hairline bg-raised text-ink-2",
        over && "border-solid",
      )}
    >
      {!taken && <Ban size={14} className="shrink-0" aria-hidden="true" />}
      {words}
    </p>
  );
}

function describeMove(move: Move): string | null {
  switch (move.kind) {
    case "stay":
      return null;
    case "refused":
      return move.why;
    case "edit":
      return move.status === "ready" ? "Drop to mark as ready" : "Drop to move back to drafts";
    case "act":
      return ACTS[move.action];
    default:
      return assertNever(move, "move");
  }
}

const ACTS = {
  run: "Drop to run it. It uses a node, which costs money.",
  retry: "Drop to run it again. It uses a node, which costs money.",
  cancel: "Drop to cancel it. You'll be asked first.",
} as const;
