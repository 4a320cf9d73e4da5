/** A file's change as a list of lines, one under the other or side by side, coloured, with what is far from it folded. */
import type { FileDiff } from "@samovar/contracts";
import { Columns2, Rows3 } from "lucide-react";
import { useMemo, useState } from "react";
import { create } from "zustand";
import { openBrowserText } from "../../lib/stored-text.ts";
import { IconButton } from "../button.tsx";
import { CopyButton } from "../copy-button.tsx";
import { getPathLanguage } from "../code/languages.ts";
import { useHighlight } from "../code/use-highlight.ts";
import { DiffCount } from "./diff-count.tsx";
import { SplitPart, UnifiedPart, type Coloured } from "./diff-parts.tsx";
import { lineDiff, type DiffPart } from "@samovar/domain/line-diff";
import { visibleText } from "../../lib/visible-text.ts";

type DiffView = "unified" | "split";

const keptView = openBrowserText("diff-view");
export const useDiffView = create<{ readonly view: DiffView; readonly choose: (view: DiffView) => void }>()((set) => ({
  view: keptView.read() === "split" ? "split" : "unified",
  choose(view) {
    keptView.write(view);
    set({ view });
  },
}));

export function DiffLines({ diff }: { readonly diff: FileDiff }) {
  const { parts, added, removed } = useMemo(() => lineDiff(diff.oldText, diff.newText), [diff.oldText, diff.newText]);
  const colours = useColours(diff);
  const { view, choose } = useDiffView();
  const path = visibleText(diff.path);
  return (
    <figure className="min-w-0 overflow-hidden rounded-md border border-hairline">
      <figcaption className="flex items-center gap-2 border-b border-hairline bg-inset ps-2.5 pe-1 text-small">
        <code className="min-w-0 truncate font-mono text-code">{path}</code>
        {diff.oldText === null && <span className="shrink-0 text-ink-3">new file</span>}
        <DiffCount added={added} removed={removed} className="ms-auto" />
        <span className="hidden tablet:inline">
          <IconButton
            label={view === "split" ? "Show unified" : "Show side by side"}
            onClick={() => choose(view === "split" ? "unified" : "split")}
          >
            {view === "split" ? <Rows3 size={14} aria-hidden="true" /> : <Columns2 size={14} aria-hidden="true" />}
          </IconButton>
        </span>
        <CopyButton text={diff.newText} label={`Copy ${path}`} />
      </figcaption>
      <div
        className="max-h-[60vh] overflow-auto font-mono text-code"
        tabIndex={0}
        role="group"
        aria-label={`Change of ${path}`}
      >
        <div className={view === "split" ? "min-w-full" : "w-max min-w-full"}>
          {parts.map((part, index) => (
            <FoldedPart key={index} part={part} colours={colours} view={view} />
          ))}
        </div>
      </div>
      {diff.truncated === true && (
        <p className="border-t border-hairline px-2.5 py-1 text-small text-working">This change is truncated.</p>
      )}
    </figure>
  );
}

function useColours(diff: FileDiff): Coloured {
  const language = getPathLanguage(diff.path);
  const before = useMemo(() => visibleText(diff.oldText ?? ""), [diff.oldText]);
  const after = useMemo(() => visibleText(diff.newText), [diff.newText]);
  return { before: useHighlight(before, language), after: useHighlight(after, language) };
}

interface FoldedPartProps {
  readonly part: DiffPart;
  readonly colours: Coloured;
  readonly view: DiffView;
}

function FoldedPart({ part: { kind, lines }, colours, view }: FoldedPartProps) {
  const [open, setOpen] = useState(false);
  if (kind === "shown" || open)
    return view === "split" ? (
      <SplitPart lines={lines} colours={colours} />
    ) : (
      <UnifiedPart lines={lines} colours={colours} />
    );
  return (
    <button
      type="button"
      onClick={() => setOpen(true)}
      className="sticky left-0 block w-full bg-inset px-2.5 py-0.5 text-start text-ink-3 hover:text-ink pointer-coarse:min-h-11"
    >
      ⋯ {lines.length} unchanged lines
    </button>
  );
}
