/** The rows of the changes as the list shows them: pieces small enough to be drawn one by one. Pure. */
import type { DiffLine } from "@samovar/domain/line-diff";
import type { ChangedFile } from "./changes.ts";

export type ChangeRow =
  | { readonly kind: "file"; readonly key: string; readonly file: ChangedFile }
  | { readonly kind: "lines"; readonly key: string; readonly path: string; readonly lines: readonly DiffLine[] }
  | { readonly kind: "gap"; readonly key: string; readonly count: number }
  | { readonly kind: "skipped"; readonly key: string; readonly count: number }
  | { readonly kind: "note"; readonly key: string; readonly text: string };

/** Lines that are coloured and drawn at once. */
const AT_ONCE = 100;

/** `open`: keys of gaps that were opened. */
export function toRows(files: readonly ChangedFile[], open: ReadonlySet<string>): readonly ChangeRow[] {
  return files.flatMap((file, index) => fileRows(file, `${index}`, open));
}

function fileRows(file: ChangedFile, id: string, open: ReadonlySet<string>): readonly ChangeRow[] {
  const rows: ChangeRow[] = [{ kind: "file", key: id, file }];
  file.parts.forEach((part, at) => {
    const key = `${id}.${at}`;
    if (part.kind === "skipped") rows.push({ kind: "skipped", key, count: part.count });
    else if (part.kind === "gap" && !open.has(key)) rows.push({ kind: "gap", key, count: part.lines.length });
    else rows.push(...pieces(file.path, key, part.lines));
  });
  const note = getNote(file);
  return note === null ? rows : [...rows, { kind: "note", key: `${id}.note`, text: note }];
}

function pieces(path: string, key: string, lines: readonly DiffLine[]): readonly ChangeRow[] {
  const rows: ChangeRow[] = [];
  for (let from = 0; from < lines.length; from += AT_ONCE)
    rows.push({ kind: "lines", key: `${key}.${from}`, path, lines: lines.slice(from, from + AT_ONCE) });
  return rows;
}

function getNote({ change, cut, parts }: ChangedFile): string | null {
  if (cut) return "This change is truncated.";
  if (change === "binary") return "Binary file, not shown.";
  return parts.length === 0 ? "No changed lines." : null;
}

/** Before they are measured, in pixels. */
export function estimateHeight(row: ChangeRow): number {
  if (row.kind === "file") return 52;
  return row.kind === "lines" ? row.lines.length * 19 : 28;
}
