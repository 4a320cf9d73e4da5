/** How many lines came and went. */
import { clsx } from "clsx";

interface DiffCountProps {
  readonly added: number;
  readonly removed: number;
  readonly className?: string;
}

export function DiffCount({ added, removed, className }: DiffCountProps) {
  return (
    <span className={clsx("shrink-0 tabular-nums", className)}>
      <span className="text-done" aria-hidden="true">
        +{added}
      </span>{" "}
      <span className="text-failed" aria-hidden="true">
        −{removed}
      </span>
      <span className="sr-only">
        {added} lines added, {removed} removed
      </span>
    </span>
  );
}
