/** The changes of many files in one list, of which only what is near the window is drawn. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { clsx } from "clsx";
import { useMemo, useRef, useState } from "react";
import { getPathLanguage } from "../../ui/code/languages.ts";
import { useHighlight } from "../../ui/code/use-highlight.ts";
import { DiffCount } from "../../ui/diff/diff-count.tsx";
import { SplitPart, UnifiedPart } from "../../ui/diff/diff-parts.tsx";
import type { DiffLine } from "@samovar/domain/line-diff";
import { visibleText } from "../../lib/visible-text.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { estimateHeight, toRows, type ChangeRow } from "./change-rows.ts";
import type { ChangedFile } from "./changes.ts";

interface ChangeListProps {
  readonly files: readonly ChangedFile[];
  readonly split: boolean;
}

const OVERSCAN_ROWS = 4;

export function ChangeList({ files, split }: ChangeListProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => toRows(files, open), [files, open]);
  const scroller = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library -- React's compiler, which it confuses, is not used here
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimateHeight(rows[index] ?? { kind: "skipped", key: "", count: 0 }),
    getItemKey: (index) => `${split ? "s" : "u"}${rows[index]?.key ?? index}`,
    overscan: OVERSCAN_ROWS,
  });
  const shown = list.getVirtualItems();
  const top = shown[0]?.start ?? 0;
  const bottom = list.getTotalSize() - (shown.at(-1)?.end ?? 0);
  return (
    <div className="@container flex min-h-0 flex-1">
      {files.length > 1 && (
        <FileList
          files={files}
          onChoose={(index) =>
            list.scrollToIndex(
              rows.findIndex((row) => row.key === `${index}`),
              { align: "start" },
            )
          }
        />
      )}
      <div
        ref={scroller}
        tabIndex={0}
        role="group"
        aria-label="Changed lines"
        className="min-h-0 min-w-0 flex-1 overflow-auto font-mono text-code [overflow-anchor:none]"
      >
        <div className={split ? "min-w-full" : "w-max min-w-full"}>
          <div style={{ height: top }} />
          {shown.map(({ index, key }) => {
            const row = rows[index];
            return (
              <div key={key} ref={list.measureElement} data-index={index}>
                {row !== undefined && (
                  <Row row={row} split={split} onOpen={() => setOpen((before) => new Set([...before, row.key]))} />
                )}
              </div>
            );
          })}
          <div style={{ height: Math.max(0, bottom) }} />
        </div>
      </div>
    </div>
  );
}

interface FileListProps {
  readonly files: readonly ChangedFile[];
  readonly onChoose: (index: number) => void;
}

function FileList({ files, onChoose }: FileListProps) {
  return (
    <nav
      aria-label="Changed files"
      className="hidden w-60 shrink-0 overflow-y-auto border-e border-hairline p-2 @3xl:block"
    >
      <ul>
        {files.map(({ path, added, removed }, index) => (
          <li key={index}>
            <button
              type="button"
              title={visibleText(path)}
              onClick={() => onChoose(index)}
              className="flex min-h-8 w-full items-center gap-2 rounded-md px-2 text-start text-small hover:bg-inset"
            >
              {/* The end of a long path says more than its beginning. */}
              <span className="min-w-0 flex-1 truncate text-left [direction:rtl]">
                <bdi>{visibleText(path)}</bdi>
              </span>
              <DiffCount added={added} removed={removed} />
            </button>
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface RowProps {
  readonly row: ChangeRow;
  readonly split: boolean;
  readonly onOpen: () => void;
}

function Row({ row, split, onOpen }: RowProps) {
  switch (row.kind) {
    case "file":
      return <FileHead file={row.file} />;
    case "lines":
      return <Lines path={row.path} lines={row.lines} split={split} />;
    case "gap":
      return (
        <button type="button" onClick={onOpen} className={clsx(FOLD, "hover:text-ink pointer-coarse:min-h-11")}>
          ⋯ {row.count} unchanged lines
        </button>
      );
    case "skipped":
      return <p className={FOLD}>⋯ {row.count} unchanged lines</p>;
    case "note":
      return <p className="px-3 py-1 font-sans text-small text-ink-2">{row.text}</p>;
  }
}

const FOLD = "sticky left-0 block w-full bg-inset px-3 py-0.5 text-start text-ink-3";

const WORDS: Partial<Record<ChangedFile["change"], string>> = { added: "new", deleted: "deleted", renamed: "renamed" };

function FileHead({ file }: { readonly file: ChangedFile }) {
  const path = visibleText(file.path);
  const word = WORDS[file.change];
  return (
    <h3 className="mt-3 flex min-h-10 items-center gap-2 border-y border-hairline bg-sidebar px-3 text-small font-normal">
      <span className="sticky left-3 flex min-w-0 items-center gap-2">
        <span className="min-w-0 wrap-anywhere">
          {file.from !== null && <span className="text-ink-3">{visibleText(file.from)} → </span>}
          {path}
        </span>
        <CopyButton text={file.path} label={`Copy path ${path}`} />
        {word !== undefined && <span className="font-sans text-ink-3">{word}</span>}
        <DiffCount added={file.added} removed={file.removed} className="font-sans" />
      </span>
    </h3>
  );
}

interface LinesProps {
  readonly path: string;
  readonly lines: readonly DiffLine[];
  readonly split: boolean;
}

function Lines({ path, lines, split }: LinesProps) {
  const language = getPathLanguage(path);
  const before = useMemo(() => getSide(lines, "removed"), [lines]);
  const after = useMemo(() => getSide(lines, "added"), [lines]);
  const colours = {
    before: placed(useHighlight(before.text, language), before.first),
    after: placed(useHighlight(after.text, language), after.first),
  };
  return split ? <SplitPart lines={lines} colours={colours} /> : <UnifiedPart lines={lines} colours={colours} />;
}

/** What stood there before, or stands there now: the unchanged lines and those of one kind. */
function getSide(lines: readonly DiffLine[], kind: "removed" | "added") {
  const side = lines.filter((line) => line.kind === "same" || line.kind === kind);
  const [top] = side;
  return {
    text: visibleText(side.map(({ text }) => text).join("\n")),
    first: top === undefined ? 1 : getLineNumber(top, kind),
  };
}

function getLineNumber(line: DiffLine, kind: "removed" | "added"): number {
  if (line.kind === "same") return kind === "added" ? line.after : line.before;
  return line.kind === "added" ? line.after : line.before;
}

/** Lines of a file are found by their number, and these begin at `first`. */
function placed(html: readonly string[] | null, first: number): readonly string[] | null {
  if (html === null) return null;
  const lines: string[] = [];
  html.forEach((line, index) => (lines[first - 1 + index] = line));
  return lines;
}
