/** The changes of a task by file, from git's diff or from the edits that the agent reported. Pure. */
import type { FileDiff, MessageView } from "@samovar/contracts";
import { lineDiff, type DiffPart } from "@samovar/domain/line-diff";
import { parseUnified, type UnifiedFile } from "./unified.ts";

export interface ChangedFile {
  readonly path: string;
  /** Its name before, where it was renamed. */
  readonly from: string | null;
  readonly change: "added" | "modified" | "deleted" | "renamed" | "binary";
  readonly added: number;
  readonly removed: number;
  readonly parts: readonly ChangePart[];
  /** Set when a part of it was cut to fit. */
  readonly cut: boolean;
}

/** `skipped`: unchanged lines that are not at hand. */
export type ChangePart = DiffPart | { readonly kind: "skipped"; readonly count: number };

export const parseChanges = (diff: string): readonly ChangedFile[] => parseUnified(diff).map(fromGit);

function fromGit(file: UnifiedFile): ChangedFile {
  const parts: ChangePart[] = [];
  let next = 1;
  for (const { start, lines } of file.hunks) {
    if (start > next) parts.push({ kind: "skipped", count: start - next });
    parts.push({ kind: "shown", lines });
    next = start + lines.filter(({ kind }) => kind !== "added").length;
  }
  const lines = file.hunks.flatMap((hunk) => hunk.lines);
  return {
    path: file.path,
    from: file.from,
    change: file.change,
    added: lines.filter(({ kind }) => kind === "added").length,
    removed: lines.filter(({ kind }) => kind === "removed").length,
    parts,
    cut: false,
  };
}

/** Of a session's messages, in order. Edits of a file that follow on each other are one change. */
export function collectChanges(messages: readonly MessageView[]): readonly ChangedFile[] {
  const files = new Map<string, FileDiff[]>();
  for (const message of messages) {
    if (message.toolMetadata?.status !== "success") continue;
    for (const diff of message.toolMetadata.diffs ?? []) files.set(diff.path, joined(files.get(diff.path) ?? [], diff));
  }
  return [...files.values()].flat().flatMap(fromTool);
}

function joined(before: readonly FileDiff[], next: FileDiff): FileDiff[] {
  const last = before.at(-1);
  // Some agents report the whole file, others only the edited part: only edits that match are joined.
  if (last === undefined || last.newText !== next.oldText) return [...before, next];
  const truncated = last.truncated === true || next.truncated === true;
  return [...before.slice(0, -1), { ...next, oldText: last.oldText, truncated }];
}

function fromTool({ path, oldText, newText, truncated }: FileDiff): readonly ChangedFile[] {
  if (oldText === newText) return [];
  const { parts, added, removed } = lineDiff(oldText, newText);
  const change = oldText === null ? "added" : "modified";
  return [{ path, from: null, change, added, removed, parts, cut: truncated === true }];
}
