/** A unified diff as git wrote it, coloured line by line. */
import { clsx } from "clsx";
import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { visibleText } from "../../lib/visible-text.ts";

const SHOWN_AT_FIRST = 2_000;

export function UnifiedDiff({ diff, truncated }: { readonly diff: string; readonly truncated: boolean }) {
  const [all, setAll] = useState(false);
  const lines = diff.replace(/\n$/, "").split("\n");
  const shown = all ? lines : lines.slice(0, SHOWN_AT_FIRST);
  return (
    <section aria-label="Changes" className="flex flex-col gap-2">
      <pre tabIndex={0} className="overflow-x-auto rounded-lg border border-hairline py-2 font-mono text-code">
        {shown.map((line, index) => (
          <span key={index} className={clsx("block min-h-[1lh] px-3", getLineClass(line))}>
            {visibleText(line)}
          </span>
        ))}
      </pre>
      {shown.length < lines.length && (
        <Button onClick={() => setAll(true)}>Show all {lines.length.toLocaleString("en")} lines</Button>
      )}
      {truncated && <p className="text-small text-working">The diff is truncated; the rest is in the workspace.</p>}
    </section>
  );
}

function getLineClass(line: string): string {
  if (/^(diff --git |index |--- |\+\+\+ |new file|deleted file|similarity|rename )/.test(line)) return "text-ink-3";
  if (line.startsWith("@@")) return "text-queued";
  if (line.startsWith("+")) return "bg-added-tint text-added";
  if (line.startsWith("-")) return "bg-removed-tint text-removed";
  return "";
}
