/** A file's change as a list of lines. */
import type { FileDiff } from "@samovar/contracts";
import { clsx } from "clsx";
import { useMemo } from "react";
import { lineDiff, type DiffLine } from "./line-diff.ts";
import { visibleText } from "./visible-text.ts";

const SIGNS = { same: " ", removed: "−", added: "+" } as const;
const SAID = { same: "", removed: "removed: ", added: "added: " } as const;

export function DiffLines({ diff }: { readonly diff: FileDiff }) {
  const { lines, added, removed } = useMemo(() => lineDiff(diff.oldText, diff.newText), [diff.oldText, diff.newText]);
  return (
    <figure className="min-w-0 overflow-hidden rounded-md border border-hairline">
      <figcaption className="flex items-center gap-2 border-b border-hairline bg-inset px-2.5 py-1 text-small">
        <code className="min-w-0 truncate font-mono text-code">{visibleText(diff.path)}</code>
        {diff.oldText === null && <span className="text-ink-3">new file</span>}
        <DiffCount added={added} removed={removed} className="ms-auto" />
      </figcaption>
      <div
        className="max-h-96 overflow-auto font-mono text-code"
        tabIndex={0}
        role="group"
        aria-label={`Change of ${diff.path}`}
      >
        <div className="w-max min-w-full">
          {lines.map((line, index) => (
            <Line key={index} line={line} />
          ))}
        </div>
      </div>
      {diff.truncated === true && (
        <p className="border-t border-hairline px-2.5 py-1 text-small text-working">
          This change was too long and is cut.
        </p>
      )}
    </figure>
  );
}

function Line({ line }: { readonly line: DiffLine }) {
  if (line.kind === "gap") {
    return (
      <div className="bg-inset px-2.5 text-ink-3">
        ⋯ {line.lines} unchanged {line.lines === 1 ? "line" : "lines"}
      </div>
    );
  }
  const number = line.kind === "removed" ? line.before : line.after;
  return (
    <div
      className={clsx(
        "flex whitespace-pre",
        line.kind === "added" && "bg-added-tint text-added",
        line.kind === "removed" && "bg-removed-tint text-removed",
      )}
    >
      <span className="w-12 shrink-0 pe-2 text-end text-ink-3 select-none" aria-hidden="true">
        {number}
      </span>
      <span className="w-4 shrink-0 select-none" aria-hidden="true">
        {SIGNS[line.kind]}
      </span>
      <span className="sr-only">{SAID[line.kind]}</span>
      <span className="pe-3">{visibleText(line.text)}</span>
    </div>
  );
}

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
