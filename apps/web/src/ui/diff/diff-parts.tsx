/** Lines of a diff as they are shown: unified or side by side. */
import { clsx } from "clsx";
import { CodeHtml } from "../code/code-html.tsx";
import type { DiffLine } from "@samovar/domain/line-diff";
import { splitLines } from "./split-lines.ts";
import { visibleText } from "../../lib/visible-text.ts";

/** HTML of each text's lines, once it is there. */
export interface Coloured {
  readonly before: readonly string[] | null;
  readonly after: readonly string[] | null;
}

interface PartProps {
  readonly lines: readonly DiffLine[];
  readonly colours: Coloured;
}

const SIGNS = { same: " ", removed: "−", added: "+" } as const;
const SAID = { same: "", removed: "removed: ", added: "added: " } as const;
const LOOKS = { same: "", removed: "bg-removed-tint text-removed", added: "bg-added-tint text-added" } as const;

export function UnifiedPart({ lines, colours }: PartProps) {
  return lines.map((line, index) => (
    <div key={index} className={clsx("flex whitespace-pre", LOOKS[line.kind])}>
      <LineNumber number={line.kind === "removed" ? line.before : line.after} />
      <span className="w-4 shrink-0 select-none" aria-hidden="true">
        {SIGNS[line.kind]}
      </span>
      <span className="sr-only">{SAID[line.kind]}</span>
      <span className="pe-3">
        <LineText line={line} colours={colours} />
      </span>
    </div>
  ));
}

export function SplitPart({ lines, colours }: PartProps) {
  return splitLines(lines).map(({ left, right }, index) => (
    <div key={index} className="grid grid-cols-2">
      <Side line={left} number={left?.before} colours={colours} />
      <Side line={right} number={right?.after} colours={colours} />
    </div>
  ));
}

interface SideProps {
  readonly line: DiffLine | null;
  readonly number: number | undefined;
  readonly colours: Coloured;
}

function Side({ line, number, colours }: SideProps) {
  if (line === null) return <div className="bg-inset" />;
  return (
    <div className={clsx("flex min-w-0 whitespace-pre-wrap wrap-anywhere", LOOKS[line.kind])}>
      <LineNumber number={number} />
      <span className="sr-only">{SAID[line.kind]}</span>
      <span className="min-w-0 pe-2">
        <LineText line={line} colours={colours} />
      </span>
    </div>
  );
}

function LineNumber({ number }: { readonly number: number | undefined }) {
  return (
    <span className="w-11 shrink-0 pe-2 text-end text-ink-3 select-none" aria-hidden="true">
      {number}
    </span>
  );
}

function LineText({ line, colours }: { readonly line: DiffLine; readonly colours: Coloured }) {
  const html = line.kind === "removed" ? colours.before?.[line.before - 1] : colours.after?.[line.after - 1];
  return html === undefined ? visibleText(line.text) : <CodeHtml html={html} />;
}
