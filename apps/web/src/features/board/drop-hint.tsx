/** What dropping the card here would do, or why it cannot be dropped: said while it is still in the hand. */
import { assertNever } from "@samovar/base";
import { clsx } from "clsx";
import { Ban } from "lucide-react";
import type { Move } from "./moves.ts";

export function DropWord({ move, over }: { readonly move: Move; readonly over: boolean }) {
  const words = wordsOf(move);
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

function wordsOf(move: Move): string | null {
  switch (move.kind) {
    case "stay":
      return null;
    case "refused":
      return move.why;
    case "edit":
      return move.status === "ready" ? "Drop it here: ready to run" : "Drop it here: back to the drafts";
    case "act":
      return ACTS[move.action];
    default:
      return assertNever(move, "move");
  }
}

const ACTS = {
  run: "Drop it here to run it. It takes a machine, which costs money.",
  retry: "Drop it here to run it again. It takes a machine, which costs money.",
  cancel: "Drop it here to cancel it. You are asked first.",
} as const;
