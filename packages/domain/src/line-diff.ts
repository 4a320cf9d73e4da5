/**
 * The difference of two texts, line by line, for page and CLI. Beyond {@link MAX_EDITS} changed lines
 * everything between the common beginning and end is removed and added: such a diff is unreadable, and computing it
 * would freeze the page.
 */
import { diffArrays } from "diff/lib/diff/array.js";

export type DiffLine =
  | { readonly kind: "same"; readonly text: string; readonly before: number; readonly after: number }
  | { readonly kind: "removed"; readonly text: string; readonly before: number }
  | { readonly kind: "added"; readonly text: string; readonly after: number };

/** Lines near a change, or a stretch far from any. */
export interface DiffPart {
  readonly kind: "shown" | "gap";
  readonly lines: readonly DiffLine[];
}

const CONTEXT = 3;
/** A shorter gap is not worth its own line. */
const SHORTEST_GAP = 2;
const MAX_EDITS = 600;

export interface LineDiff {
  readonly parts: readonly DiffPart[];
  readonly added: number;
  readonly removed: number;
}

/** What `diffArrays` answers: a stretch of lines that were removed, added or neither. */
interface Change {
  readonly added: boolean;
  readonly removed: boolean;
  readonly value: readonly string[];
}

/** `oldText` is null for a new file. A final newline counts as no line. */
export function lineDiff(oldText: string | null, newText: string): LineDiff {
  const before = linesOf(oldText ?? "");
  const after = linesOf(newText);
  const lines = numberLines(changesOf(before, after));
  return {
    parts: partsOf(lines),
    added: lines.filter((line) => line.kind === "added").length,
    removed: lines.filter((line) => line.kind === "removed").length,
  };
}

function linesOf(text: string): string[] {
  if (text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function changesOf(before: string[], after: string[]): readonly Change[] {
  return diffArrays(before, after, { maxEditLength: MAX_EDITS }) ?? replaced(before, after);
}

/** All but the common beginning and end as removed, then added. */
function replaced(before: readonly string[], after: readonly string[]): readonly Change[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  return [
    { removed: false, added: false, value: before.slice(0, head) },
    { removed: true, added: false, value: before.slice(head, before.length - tail) },
    { removed: false, added: true, value: after.slice(head, after.length - tail) },
    { removed: false, added: false, value: before.slice(before.length - tail) },
  ];
}

function numberLines(changes: readonly Change[]): readonly DiffLine[] {
  let before = 0;
  let after = 0;
  return changes.flatMap(({ added, removed, value }) =>
    value.map((text): DiffLine => {
      if (removed) return { kind: "removed", text, before: ++before };
      if (added) return { kind: "added", text, after: ++after };
      return { kind: "same", text, before: ++before, after: ++after };
    }),
  );
}

function partsOf(lines: readonly DiffLine[]): readonly DiffPart[] {
  const near = new Set<number>();
  lines.forEach((line, index) => {
    if (line.kind === "same") return;
    for (let around = index - CONTEXT; around <= index + CONTEXT; around++) near.add(around);
  });
  const stretches: { kind: DiffPart["kind"]; lines: DiffLine[] }[] = [];
  lines.forEach((line, index) => {
    const kind = near.has(index) ? "shown" : "gap";
    const stretch = stretches.at(-1);
    if (stretch?.kind === kind) stretch.lines.push(line);
    else stretches.push({ kind, lines: [line] });
  });
  return joinShown(stretches);
}

function joinShown(stretches: readonly DiffPart[]): readonly DiffPart[] {
  const parts: DiffPart[] = [];
  for (const stretch of stretches) {
    const kind = stretch.lines.length < SHORTEST_GAP ? "shown" : stretch.kind;
    const last = parts.at(-1);
    if (kind === "shown" && last?.kind === "shown")
      parts.splice(-1, 1, { kind, lines: [...last.lines, ...stretch.lines] });
    else parts.push({ kind, lines: stretch.lines });
  }
  return parts;
}
