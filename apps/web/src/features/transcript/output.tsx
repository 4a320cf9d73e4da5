/** A command's output in its colours: its head and its end at first, the rest on demand. */
import { useMemo, useState } from "react";
import { parseOutputLines, type OutputLine } from "./ansi.ts";

const HEAD_LINES = 8;
const TAIL_LINES = 12;
/** Fewer hidden lines than this are not worth a press. */
const HIDDEN_FROM = 6;

export function Output({ output, label }: { readonly output: string; readonly label: string }) {
  const lines = useMemo(() => parseOutputLines(output), [output]);
  const [all, setAll] = useState(false);
  const folds = !all && lines.length >= HEAD_LINES + TAIL_LINES + HIDDEN_FROM;
  return (
    <div
      tabIndex={0}
      role="group"
      aria-label={label}
      className="max-h-[60vh] overflow-auto rounded bg-inset px-2.5 py-2 font-mono text-code whitespace-pre-wrap wrap-anywhere"
    >
      <Lines lines={folds ? lines.slice(0, HEAD_LINES) : lines} />
      {folds && (
        <>
          <button
            type="button"
            onClick={() => setAll(true)}
            className="my-1 block w-full rounded border border-hairline bg-bg px-2 py-0.5 text-start font-sans text-small text-ink-2 hover:text-ink pointer-coarse:min-h-11"
          >
            Show all {lines.length.toLocaleString("en")} lines
          </button>
          <Lines lines={lines.slice(-TAIL_LINES)} />
        </>
      )}
    </div>
  );
}

function Lines({ lines }: { readonly lines: readonly OutputLine[] }) {
  return lines.map((runs, index) => (
    <div key={index} className="min-h-[1lh]">
      {runs.map(({ text, look }, at) =>
        look === "" ? (
          text
        ) : (
          <span key={at} className={look}>
            {text}
          </span>
        ),
      )}
    </div>
  ));
}
